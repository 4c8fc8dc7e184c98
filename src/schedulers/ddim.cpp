#include <algorithm>
#include <cmath>
#include <span>

#include "schedulers/noise_schedule.h"
#include "schedulers/scheduler.h"

namespace sumi {

// Denoising diffusion implicit models (Song et al., 2020), equation 12: with alpha and alpha' the cumulative products
// at this timestep and at the one before,
//   x' = sqrt(alpha') x0 + sqrt(1 - alpha' - s^2) noise + s fresh,
//   s^2 = eta^2 (1 - alpha') / (1 - alpha) (1 - alpha / alpha').
Schedule make_ddim(const SchedulerConfig& config, Run run) {
  const NoiseSchedule process(config);
  const double last = config.set_alpha_to_one ? 1 : process.alpha(0);
  Schedule schedule{.kept = config.clip ? 1 : 0};
  const std::vector<double> times = spaced_timesteps(config, run.steps);
  for (const double t : std::span(times).subspan(static_cast<std::size_t>(run.begin))) {
    const int now = static_cast<int>(std::nearbyint(t)), before = now - config.train_steps / run.steps;
    const double alpha = process.alpha(now), next = before >= 0 ? process.alpha(before) : last;
    const Split s = split(config.prediction, alpha);
    const double fresh = config.eta * std::sqrt(std::max(0.0, (1 - next) / (1 - alpha) * (1 - alpha / next)));
    const double toward = std::sqrt(std::max(0.0, 1 - next - fresh * fresh)), signal = std::sqrt(next);

    Step step = call_at(config, now, alpha);
    Combination move{Slot::sample, {}};
    if (config.clip) {
      step.updates.push_back(keep_estimate(config, step, kept(0)));
      move.terms = {
          {signal, kept(0)}, {toward * s.noise_sample, Slot::sample}, {toward * s.noise_prediction, Slot::prediction}};
    } else {
      move.terms = {{signal * s.x0_sample + toward * s.noise_sample, Slot::sample},
                    {signal * s.x0_prediction + toward * s.noise_prediction, Slot::prediction}};
    }
    if (fresh > 0) move.terms.push_back({fresh, Slot::noise});
    step.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(step));
  }
  return schedule;
}

}  // namespace sumi
