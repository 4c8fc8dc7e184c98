#include "schedulers/config.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/ranges.h>

#include "core/nearest.h"
#include "schedulers/scheduler.h"

namespace sumi {
namespace {

/// A sampler, what the reference calls it, and the defaults in which they differ.
struct Sampler {
  std::string_view name, reference;
  Schedule (*make)(const SchedulerConfig&, int);
  std::string_view spacing;
  bool alpha_to_one, clips;
  bool curved;    ///< it can spread its sigmas
  bool zero_snr;  ///< it knows betas rescaled to zero terminal SNR; the reference's PNDM ignores that setting
};

constexpr std::array samplers{
    Sampler{"ddim", "DDIMScheduler", make_ddim, "leading", true, true, false, true},
    Sampler{"pndm", "PNDMScheduler", make_pndm, "leading", false, false, false, false},
    Sampler{"euler", "EulerDiscreteScheduler", make_euler, "linspace", true, false, true, true},
    Sampler{"euler-a", "EulerAncestralDiscreteScheduler", make_euler, "linspace", true, false, false, true},
    Sampler{"dpmpp-2m", "DPMSolverMultistepScheduler", make_dpm_multistep, "linspace", true, false, true, true},
    Sampler{"dpmpp-2m-sde", "", make_dpm_multistep, "linspace", true, false, true, true},
    Sampler{"lcm", "LCMScheduler", make_lcm, "leading", true, false, false, true},
};

const Sampler& named(const std::string& name) {
  for (const Sampler& sampler : samplers) {
    if (sampler.name == name) return sampler;
  }
  fail(ErrorCode::usage, "sampler '{}' is not known{}; there are {}", name, did_you_mean(name, sampler_names()),
       fmt::join(sampler_names(), ", "));
}

const Sampler& of_file(const Settings& file) {
  const std::string type = file.text("_class_name", "PNDMScheduler");
  if (type == "DPMSolverMultistepScheduler" && file.text("algorithm_type", "") == "sde-dpmsolver++")
    return named("dpmpp-2m-sde");
  for (const Sampler& sampler : samplers) {
    if (sampler.reference == type) return sampler;
  }
  file.reject("_class_name", "{} is not known here; choose another with --sampler", type);
}

std::string one_of(const std::string& what, const std::string& name, const std::vector<std::string>& known) {
  check(std::find(known.begin(), known.end(), name) != known.end(), ErrorCode::usage,
        "{} '{}' is not known{}; there are {}", what, name, did_you_mean(name, known), fmt::join(known, ", "));
  return name;
}

std::vector<double> betas_of(const Settings& file, int train_steps) {
  const std::string kind = file.text("beta_schedule", "linear");
  const double first = file.number("beta_start", .0001), last = file.number("beta_end", .02);
  if (file.has("trained_betas")) file.reject("trained_betas", "lists of betas are not supported");
  if (kind != "linear" && kind != "scaled_linear") file.reject("beta_schedule", "'{}' is not supported", kind);
  if (!(first > 0 && first <= last && last < 1))
    file.reject("beta_start", "betas from {} to {} are no noise schedule", first, last);
  const bool scaled = kind == "scaled_linear";
  const float low = static_cast<float>(scaled ? std::sqrt(first) : first),
              high = static_cast<float>(scaled ? std::sqrt(last) : last);
  const float step = train_steps > 1 ? (high - low) / static_cast<float>(train_steps - 1) : 0;
  std::vector<double> betas;
  for (int i = 0; i < train_steps; ++i) {  // in float32 and from both ends, as the reference spreads them
    const float value = i < train_steps / 2 ? low + step * static_cast<float>(i)
                                            : high - step * static_cast<float>(train_steps - 1 - i);
    betas.push_back(static_cast<double>(scaled ? value * value : value));
  }
  return betas;
}

Prediction prediction_of(const Settings& file) {
  const std::string name = file.text("prediction_type", "epsilon");
  if (name == "epsilon") return Prediction::epsilon;
  if (name == "v_prediction") return Prediction::velocity;
  if (name == "sample") return Prediction::sample;
  file.reject("prediction_type", "'{}' is not known; there are epsilon, v_prediction and sample", name);
}

std::string schedule_of(const Settings& file) {
  if (file.flag("use_karras_sigmas", false)) return "karras";
  if (file.flag("use_exponential_sigmas", false)) return "exponential";
  if (file.flag("use_beta_sigmas", false)) return "beta";
  return "default";
}

void refuse_unsupported(const Settings& file) {
  if (file.flag("thresholding", false)) file.reject("thresholding", "dynamic thresholding is not supported");
  for (const char* key : {"use_lu_lambdas", "use_flow_sigmas"}) {
    if (file.flag(key, false)) file.reject(key, "not supported");
  }
  if (file.text("interpolation_type", "linear") != "linear")
    file.reject("interpolation_type", "only linear is supported");
  const std::string solver = file.text("algorithm_type", "dpmsolver++");
  if (solver != "dpmsolver++" && solver != "sde-dpmsolver++")
    file.reject("algorithm_type", "'{}' is not supported", solver);
}

/// Noise schedules exist on which a sampler's formulas divide by zero: pure noise at the start, betas near 1.
bool is_finite(const Schedule& schedule) {
  bool finite = std::isfinite(schedule.initial_sigma);
  for (const Step& step : schedule.steps) {
    finite = finite && std::isfinite(step.timestep) && std::isfinite(step.input_scale);
    for (const Combination& update : step.updates) {
      for (const auto& term : update.terms) finite = finite && std::isfinite(term.coefficient);
    }
  }
  return finite;
}

}  // namespace

std::string_view name_of(Prediction prediction) {
  switch (prediction) {
    case Prediction::epsilon: return "epsilon";
    case Prediction::velocity: return "v_prediction";
    case Prediction::sample: return "sample";
  }
  return "?";
}

std::vector<std::string> sampler_names() {
  std::vector<std::string> names;
  for (const Sampler& sampler : samplers) names.emplace_back(sampler.name);
  return names;
}

SchedulerConfig resolve(const Settings& file, const Sampling& choice) {
  refuse_unsupported(file);
  const Sampler& sampler = choice.sampler.empty() ? of_file(file) : named(choice.sampler);
  SchedulerConfig config{.sampler = std::string(sampler.name), .prediction = prediction_of(file), .eta = choice.eta};
  config.schedule = choice.schedule.empty()
                        ? schedule_of(file)
                        : one_of("schedule", choice.schedule, {"default", "karras", "exponential", "beta"});
  check(config.schedule == "default" || sampler.curved, ErrorCode::usage,
        "schedule '{}' does not go with sampler '{}'; it has its own timesteps", config.schedule, sampler.name);
  config.spacing = one_of(
      "spacing", choice.spacing.empty() ? file.text("timestep_spacing", std::string(sampler.spacing)) : choice.spacing,
      {"leading", "trailing", "linspace"});
  config.train_steps = static_cast<int>(file.integer("num_train_timesteps", 1000, 2, 100000));
  config.betas = betas_of(file, config.train_steps);
  config.zero_snr = sampler.zero_snr && file.flag("rescale_betas_zero_snr", false);
  if (config.zero_snr && config.prediction == Prediction::epsilon) {
    file.reject("rescale_betas_zero_snr", "a model that predicts noise cannot start from noise alone");
  }
  config.steps_offset = static_cast<int>(file.integer("steps_offset", 0, 0, config.train_steps - 1));
  config.set_alpha_to_one = file.flag("set_alpha_to_one", sampler.alpha_to_one);
  if (file.flag("clip_sample", sampler.clips)) config.clip = file.number("clip_sample_range", 1);
  if (!sampler.clips) config.clip.reset();
  config.skip_prk_steps = file.flag("skip_prk_steps", false);
  config.order = static_cast<int>(file.integer("solver_order", 2, 1, 2));
  config.lower_order_final = file.flag("lower_order_final", true);
  config.euler_at_final = file.flag("euler_at_final", false);
  config.final_sigma_zero =
      one_of("final_sigmas_type", file.text("final_sigmas_type", "zero"), {"zero", "sigma_min"}) == "zero";
  config.heun = one_of("solver_type", file.text("solver_type", "midpoint"), {"midpoint", "heun"}) == "heun";
  config.original_steps = static_cast<int>(file.integer("original_inference_steps", 50, 1, config.train_steps));
  config.timestep_scaling = file.number("timestep_scaling", 10);
  return config;
}

Schedule make_schedule(const SchedulerConfig& config, int steps) {
  check(steps >= 1 && steps <= config.train_steps, ErrorCode::usage,
        "steps {}: expected 1 to {}, the timesteps of the training", steps, config.train_steps);
  Schedule schedule = named(config.sampler).make(config, steps);
  check(is_finite(schedule), ErrorCode::usage,
        "sampler '{}' cannot do this model's noise schedule{} in {} steps; choose another sampler", config.sampler,
        config.zero_snr ? " (zero terminal SNR)" : "", steps);
  return schedule;
}

}  // namespace sumi
