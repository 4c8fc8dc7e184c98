#include "schedulers/sampler.h"

#include <array>
#include <cmath>

#include <fmt/ranges.h>

namespace sumi {
namespace {

using Clip = Sampler::Clip;
constexpr Sampler::Betas wide{.00085, .012, "linear"}, latent{.00085, .012, "scaled_linear"};

constexpr std::array kSamplers{
    Sampler{.name = "ddim",
            .reference = "DDIMScheduler",
            .make = make_ddim,
            .spacing = "leading",
            .eta = true,
            .clip = Clip::on},
    Sampler{.name = "ddpm", .reference = "DDPMScheduler", .make = make_ddpm, .spacing = "leading", .clip = Clip::on},
    Sampler{.name = "pndm",
            .reference = "PNDMScheduler",
            .make = make_pndm,
            .spacing = "leading",
            .zero_snr = false,
            .alpha_to_one = false},
    Sampler{.name = "euler",
            .reference = "EulerDiscreteScheduler",
            .make = make_euler,
            .spacing = "linspace",
            .curved = true},
    Sampler{
        .name = "euler-a", .reference = "EulerAncestralDiscreteScheduler", .make = make_euler, .spacing = "linspace"},
    Sampler{.name = "heun",
            .reference = "HeunDiscreteScheduler",
            .make = make_heun,
            .spacing = "linspace",
            .curved = true,
            .zero_snr = false,
            .clip = Clip::off,
            .betas = wide},
    Sampler{.name = "lms",
            .reference = "LMSDiscreteScheduler",
            .make = make_lms,
            .spacing = "linspace",
            .curved = true,
            .zero_snr = false},
    Sampler{.name = "dpm2",
            .reference = "KDPM2DiscreteScheduler",
            .make = make_dpm2,
            .spacing = "linspace",
            .curved = true,
            .zero_snr = false,
            .betas = wide},
    Sampler{.name = "dpm2-a",
            .reference = "KDPM2AncestralDiscreteScheduler",
            .make = make_dpm2,
            .spacing = "linspace",
            .curved = true,
            .zero_snr = false,
            .betas = wide},
    Sampler{.name = "dpmpp-2m",
            .reference = "DPMSolverMultistepScheduler",
            .make = make_dpm_multistep,
            .spacing = "linspace",
            .curved = true},
    Sampler{.name = "dpmpp-2m-sde", .reference = "", .make = make_dpm_multistep, .spacing = "linspace", .curved = true},
    Sampler{.name = "dpmpp-3m-sde", .reference = "", .make = make_dpm_3m_sde, .spacing = "linspace", .curved = true},
    Sampler{.name = "dpmpp-sde",
            .reference = "DPMSolverSDEScheduler",
            .make = make_dpm_sde,
            .spacing = "linspace",
            .curved = true,
            .zero_snr = false,
            .betas = wide},
    Sampler{.name = "dpmpp-2s",
            .reference = "DPMSolverSinglestepScheduler",
            .make = make_dpm_singlestep,
            .spacing = "linspace",
            .spaced = false,
            .curved = true,
            .zero_snr = false},
    Sampler{.name = "unipc",
            .reference = "UniPCMultistepScheduler",
            .make = make_unipc,
            .spacing = "linspace",
            .curved = true},
    Sampler{.name = "deis",
            .reference = "DEISMultistepScheduler",
            .make = make_deis,
            .spacing = "linspace",
            .curved = true,
            .zero_snr = false},
    Sampler{.name = "lcm",
            .reference = "LCMScheduler",
            .make = make_lcm,
            .spacing = "leading",
            .spaced = false,
            .leaps = true,
            .clip = Clip::off,
            .betas = latent},
    Sampler{.name = "tcd",
            .reference = "TCDScheduler",
            .make = make_tcd,
            .spacing = "leading",
            .spaced = false,
            .eta = true,
            .leaps = true,
            .betas = latent},
};

/// Noise schedules exist on which a sampler's formulas divide by zero: betas near 1, steps that fall on each other.
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

std::span<const Sampler> samplers() { return kSamplers; }

std::vector<std::string> sampler_names() {
  std::vector<std::string> names;
  for (const Sampler& sampler : kSamplers) names.emplace_back(sampler.name);
  return names;
}

const Sampler& find_sampler(const std::string& name) {
  for (const Sampler& sampler : kSamplers) {
    if (sampler.name == name) return sampler;
  }
  fail(ErrorCode::usage, "sampler '{}' is not known; there are {}", name, fmt::join(sampler_names(), ", "));
}

Schedule make_schedule(const SchedulerConfig& config, Run run) {
  check(run.steps >= 1 && run.steps <= config.train_steps, ErrorCode::usage,
        "steps {}: expected 1 to {}, the timesteps of the training", run.steps, config.train_steps);
  check(run.begin >= 0 && run.begin < run.steps, ErrorCode::internal, "schedule: {} of {} steps left out", run.begin,
        run.steps);
  Schedule schedule = find_sampler(config.sampler).make(config, run);
  check(is_finite(schedule), ErrorCode::usage,
        "sampler '{}' cannot do this model's noise schedule in {} steps; take fewer or another sampler", config.sampler,
        run.steps);
  return schedule;
}

}  // namespace sumi
