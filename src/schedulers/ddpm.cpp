#include <cmath>

#include "schedulers/noise_schedule.h"
#include "schedulers/scheduler.h"

namespace sumi {

// Denoising diffusion probabilistic models (Ho et al., 2020), equations 6 and 7, between timesteps that may lie apart:
// with alpha and alpha' the cumulative products now and next, and beta = 1 - alpha / alpha',
//   x' = (sqrt(alpha') beta x0 + sqrt(alpha / alpha') (1 - alpha') x) / (1 - alpha) + s fresh,
//   s^2 = beta (1 - alpha') / (1 - alpha).
Schedule make_ddpm(const SchedulerConfig& config, Run run) {
  const NoiseSchedule process(config);
  const std::vector<double> times = spaced_timesteps(config, run.steps);
  const auto alpha_at = [&](std::size_t i) {
    return i < times.size() ? process.alpha(static_cast<int>(std::nearbyint(times[i]))) : 1;
  };
  Schedule schedule{.kept = 1};
  for (auto i = static_cast<std::size_t>(run.begin); i < times.size(); ++i) {
    const double alpha = alpha_at(i), next = alpha_at(i + 1), beta = 1 - alpha / next;
    const double fresh = std::sqrt(beta * (1 - next) / (1 - alpha));
    Step step = call_at(config, std::nearbyint(times[i]), alpha);
    step.updates.push_back(keep_estimate(config, step, kept(0)));
    Combination move{Slot::sample,
                     {{std::sqrt(next) * beta / (1 - alpha), kept(0)},
                      {std::sqrt(alpha / next) * (1 - next) / (1 - alpha), Slot::sample}}};
    if (fresh > 0) move.terms.push_back({fresh, Slot::noise});
    step.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(step));
  }
  return schedule;
}

}  // namespace sumi
