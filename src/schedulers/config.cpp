#include "schedulers/config.h"

#include <algorithm>
#include <cmath>

#include <fmt/ranges.h>

#include "core/json.h"
#include "core/nearest.h"
#include "schedulers/names.h"
#include "schedulers/sampler.h"

namespace sumi {
namespace {

using Names = std::vector<std::string>;

const Names kSchedules{"default", "karras", "exponential", "beta"};

bool among(const std::string& name, const Names& known) {
  return std::find(known.begin(), known.end(), name) != known.end();
}

const std::string& known_choice(const char* what, const std::string& name, const Names& known) {
  check(among(name, known), ErrorCode::usage, "{} '{}' is not known{}; there are {}", what, name,
        did_you_mean(name, known), fmt::join(known, ", "));
  return name;
}

std::string known_setting(const Settings& file, const char* key, std::string_view otherwise, const Names& known) {
  const std::string name = file.text(key, std::string(otherwise));
  if (!among(name, known)) file.reject(key, "'{}' is not supported; there are {}", name, fmt::join(known, ", "));
  return name;
}

std::string nearest(const SamplerName& name) {
  return name.sampler.empty() ? "; no Stable Diffusion model uses it"
                              : fmt::format("; the nearest is --sampler {}", name.sampler);
}

/// The sampler of a model's own file.
SamplerName named_by(const Settings& file) {
  const std::string type = file.text("_class_name", "PNDMScheduler");
  if (type == "DPMSolverMultistepScheduler" && file.text("algorithm_type", "") == "sde-dpmsolver++") {
    return {file.integer("solver_order", 2, 1, 3) == 3 ? "dpmpp-3m-sde" : "dpmpp-2m-sde"};
  }
  const auto found = understand_sampler(type);
  if (!found) file.reject("_class_name", "{} is not known here; choose another with --sampler", type);
  if (!found->built) file.reject("_class_name", "{} is not built here{}", type, nearest(*found));
  return *found;
}

SamplerName named_by(const std::string& choice) {
  const auto found = understand_sampler(choice);
  if (!found) {
    Names near = nearest_names(choice, sampler_names());
    if (near.empty()) near = nearest_names(choice, other_sampler_names());
    fail(ErrorCode::usage, "sampler '{}' is not known{}; there are {}", choice, did_you_mean(near),
         fmt::join(sampler_names(), ", "));
  }
  check(found->built, ErrorCode::usage, "sampler '{}' is not built here{}", choice, nearest(*found));
  return *found;
}

std::vector<double> trained_betas(const Settings& file, int train_steps) {
  const Json& list = file.at("trained_betas");
  if (!list.is_array() || list.size() != static_cast<std::size_t>(train_steps)) {
    file.reject("trained_betas", "expected a list of {} numbers", train_steps);
  }
  std::vector<double> betas;
  for (const Json& item : list) {
    if (!item.is_number() || !(item.get<double>() > 0 && item.get<double>() < 1)) {
      file.reject("trained_betas", "expected numbers between 0 and 1");
    }
    betas.push_back(item.get<double>());
  }
  return betas;
}

std::vector<double> betas_of(const Settings& file, const Sampler::Betas& otherwise, int train_steps) {
  if (file.has("trained_betas")) return trained_betas(file, train_steps);
  const bool scaled = known_setting(file, "beta_schedule", otherwise.schedule, {"linear", "scaled_linear"}) != "linear";
  const double first = file.number("beta_start", otherwise.first), last = file.number("beta_end", otherwise.last);
  if (!(first > 0 && first <= last && last < 1)) {
    file.reject("beta_start", "betas from {} to {} are no noise schedule", first, last);
  }
  const auto low = static_cast<float>(scaled ? std::sqrt(first) : first);
  const auto high = static_cast<float>(scaled ? std::sqrt(last) : last);
  const float step = (high - low) / static_cast<float>(train_steps - 1);
  std::vector<double> betas;
  for (int i = 0; i < train_steps; ++i) {  // in float32 and from both ends, as the reference spreads them
    const float value = i < train_steps / 2 ? low + step * static_cast<float>(i)
                                            : high - step * static_cast<float>(train_steps - 1 - i);
    betas.push_back(static_cast<double>(scaled ? value * value : value));
  }
  return betas;
}

Prediction prediction_of(const Settings& file) {
  const std::string name = known_setting(file, "prediction_type", "epsilon", {"epsilon", "v_prediction", "sample"});
  return name == "epsilon" ? Prediction::epsilon : name == "sample" ? Prediction::sample : Prediction::velocity;
}

/// Empty where the model decides.
std::string schedule_named(const std::string& choice) {
  const auto found = understand_schedule(choice);
  if (choice.empty() || !found) return choice.empty() ? "" : known_choice("schedule", choice, kSchedules);
  check(found->instead.empty(), ErrorCode::usage, "schedule '{}' is not built here; the nearest is {}", choice,
        found->instead);
  return std::string(found->schedule);
}

std::string schedule_of(const Settings& file, const Sampler& sampler, const std::string& choice) {
  if (const std::string name = schedule_named(choice); !name.empty()) {
    check(name == "default" || sampler.curved, ErrorCode::usage,
          "schedule '{}' does not go with sampler '{}', which has timesteps of its own", choice, sampler.name);
    return name;
  }
  if (!sampler.curved) return "default";
  if (file.flag("use_karras_sigmas", false)) return "karras";
  if (file.flag("use_exponential_sigmas", false)) return "exponential";
  return file.flag("use_beta_sigmas", false) ? "beta" : "default";
}

std::string spacing_of(const Settings& file, const Sampler& sampler, const std::string& choice) {
  const Names known = {"leading", "trailing", "linspace"};
  if (!choice.empty()) {
    known_choice("spacing", choice, known);
    check(sampler.spaced || choice == sampler.spacing, ErrorCode::usage,
          "spacing '{}' does not go with sampler '{}', which has timesteps of its own", choice, sampler.name);
    return choice;
  }
  return sampler.spaced ? known_setting(file, "timestep_spacing", sampler.spacing, known)
                        : std::string(sampler.spacing);
}

double eta_of(const Sampler& sampler, double eta) {
  check(eta >= 0 && eta <= 1, ErrorCode::usage, "eta {}: expected 0 to 1", eta);
  check(eta == 0 || sampler.eta, ErrorCode::usage, "eta {}: sampler '{}' has none; ddim and tcd do", eta, sampler.name);
  return eta;
}

std::optional<double> positive(const Settings& file, const char* key) {
  if (!file.has(key)) return std::nullopt;
  const double value = file.number(key, 0);
  if (!(value > 0)) file.reject(key, "{} is not above 0", value);
  return value;
}

/// What another sampler would ignore is not refused for it.
void refuse_unsupported(const Settings& file, const Sampler& sampler) {
  if (file.flag("thresholding", false)) file.reject("thresholding", "dynamic thresholding is not supported");
  for (const char* key : {"use_lu_lambdas", "use_flow_sigmas"}) {
    if (sampler.curved && file.flag(key, false)) file.reject(key, "not supported");
  }
  if (sampler.make == make_euler) {
    known_setting(file, "interpolation_type", "linear", {"linear"});
    known_setting(file, "timestep_type", "discrete", {"discrete"});
  } else if (sampler.make == make_dpm_multistep || sampler.make == make_dpm_singlestep) {
    known_setting(file, "algorithm_type", "dpmsolver++", {"dpmsolver++", "sde-dpmsolver++", "deis"});
  } else if (sampler.make == make_unipc) {
    if (!file.flag("predict_x0", true)) file.reject("predict_x0", "only true is supported");
  } else if (sampler.make == make_ddpm) {
    known_setting(file, "variance_type", "fixed_small", {"fixed_small", "fixed_small_log"});
  }
}

void read_solver(const Settings& file, const Sampler& sampler, SchedulerConfig& config) {
  config.final_sigma_zero = known_setting(file, "final_sigmas_type", "zero", {"zero", "sigma_min"}) == "zero";
  const bool single = sampler.make == make_dpm_singlestep;
  const bool has_orders =
      single || sampler.make == make_dpm_multistep || sampler.make == make_unipc || sampler.make == make_deis;
  if (!has_orders) return;
  const std::string type = known_setting(file, "solver_type", "midpoint", {"midpoint", "heun", "logrho", "bh1", "bh2"});
  config.heun = type == "heun";
  config.bh1 = type == "bh1";
  config.order = static_cast<int>(file.integer("solver_order", 2, 1, 2));
  config.lower_order_final = file.flag("lower_order_final", !single || config.final_sigma_zero);
  config.euler_at_final = file.flag("euler_at_final", false);
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

SchedulerConfig resolve(const Settings& file, const Sampling& choice) {
  const SamplerName name = choice.sampler.empty() ? named_by(file) : named_by(choice.sampler);
  const Sampler& sampler = find_sampler(std::string(name.sampler));
  refuse_unsupported(file, sampler);
  SchedulerConfig config{
      .sampler = std::string(sampler.name),
      .schedule = schedule_of(file, sampler, choice.schedule.empty() ? std::string(name.schedule) : choice.schedule),
      .spacing = spacing_of(file, sampler, choice.spacing),
      .prediction = prediction_of(file),
      .eta = eta_of(sampler, choice.eta),
      .train_steps = static_cast<int>(file.integer("num_train_timesteps", 1000, 2, 100000))};
  config.betas = betas_of(file, sampler.betas, config.train_steps);
  config.zero_snr = sampler.zero_snr && file.flag("rescale_betas_zero_snr", false);
  if (config.zero_snr && config.prediction == Prediction::epsilon) {
    file.reject("rescale_betas_zero_snr", "a model that predicts noise cannot start from noise alone");
  }
  if (config.prediction == Prediction::sample && sampler.make == make_pndm) {
    file.reject("prediction_type", "sampler 'pndm' does not take predictions of the sample; choose another");
  }
  config.steps_offset = static_cast<int>(file.integer("steps_offset", 0, 0, config.train_steps - 1));
  config.set_alpha_to_one = file.flag("set_alpha_to_one", sampler.alpha_to_one);
  const bool clips =
      sampler.clip != Sampler::Clip::never && file.flag("clip_sample", sampler.clip == Sampler::Clip::on);
  if (clips) config.clip = positive(file, "clip_sample_range").value_or(1);
  config.sigma_min = positive(file, "sigma_min");
  config.sigma_max = positive(file, "sigma_max");
  config.skip_prk_steps = file.flag("skip_prk_steps", false);
  read_solver(file, sampler, config);
  config.heun = config.heun || name.heun;
  config.original_steps = static_cast<int>(
      file.integer("original_inference_steps", std::min(50, config.train_steps), 1, config.train_steps));
  config.timestep_scaling = file.number("timestep_scaling", 10);
  return config;
}

bool leaps(const std::string& sampler) { return find_sampler(sampler).leaps; }

bool takes_few_steps(const Settings& file) {
  const auto name = understand_sampler(file.text("_class_name", ""));
  if (!name || !name->built) return false;
  const Sampler& sampler = find_sampler(std::string(name->sampler));
  const bool from_the_last = sampler.make == make_euler && file.text("timestep_spacing", "") == "trailing" &&
                             !file.flag("rescale_betas_zero_snr", false);
  return sampler.leaps || (from_the_last && file.text("prediction_type", "epsilon") == "epsilon");
}

}  // namespace sumi
