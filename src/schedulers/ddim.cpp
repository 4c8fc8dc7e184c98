#include <algorithm>
#include <cmath>

#include "schedulers/noise_schedule.h"
#include "schedulers/scheduler.h"

namespace sumi {

// Denoising diffusion implicit models (Song et al., 2020), equation 12: with alpha and alpha' the cumulative products
// at this timestep and at the one before,
//   x' = sqrt(alpha') x0 + sqrt(1 - alpha' - s^2) noise + s fresh,  s^2 = eta^2 (1 - alpha') / (1 - alpha) (1 - alpha /
//   alpha').
Schedule make_ddim(const SchedulerConfig& config, int steps) {
  const NoiseSchedule noise(config);
  const double last = config.set_alpha_to_one ? 1 : noise.alpha(0);
  Schedule schedule{.kept = config.clip ? 1 : 0};
  for (const double t : spaced_timesteps(config, steps)) {
    const int now = static_cast<int>(std::nearbyint(t)), before = now - config.train_steps / steps;
    const double alpha = noise.alpha(now), next = before >= 0 ? noise.alpha(before) : last;
    const Split s = split(config.prediction, alpha);
    const double fresh = config.eta * std::sqrt(std::max(0.0, (1 - next) / (1 - alpha) * (1 - alpha / next)));
    const double toward = std::sqrt(std::max(0.0, 1 - next - fresh * fresh)), signal = std::sqrt(next);

    Step step{
        .timestep = static_cast<double>(now), .estimate_sample = s.x0_sample, .estimate_prediction = s.x0_prediction};
    Combination move{Slot::sample, {}};
    if (config.clip) {
      step.updates.push_back(
          {kept(0), {{s.x0_sample, Slot::sample}, {s.x0_prediction, Slot::prediction}}, config.clip});
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
