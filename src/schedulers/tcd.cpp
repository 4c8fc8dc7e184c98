#include <cmath>

#include "schedulers/noise_schedule.h"
#include "schedulers/scheduler.h"

namespace sumi {

// Trajectory consistency distillation (Zheng et al., 2024), algorithm 4: a call takes the sample from timestep t to
// s = (1 - eta) t', below the next timestep t', and fresh noise takes it back up to t':
//   x_s = sqrt(alpha_s) x0 + sqrt(1 - alpha_s) noise,
//   x' = sqrt(alpha' / alpha_s) x_s + sqrt(1 - alpha' / alpha_s) fresh.
// The last step ends at s = 0 without fresh noise.
Schedule make_tcd(const SchedulerConfig& config, Run run) {
  const NoiseSchedule process(config);
  std::vector<int> times = distilled_timesteps(config, run.steps);
  times.erase(times.begin(), times.begin() + run.begin);
  Schedule schedule;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const bool last = i + 1 == times.size();
    const int next = last ? 0 : times[i + 1], below = static_cast<int>((1 - config.eta) * next);
    const double alpha = process.alpha(times[i]), low = process.alpha(below);
    const double up = process.alpha(next) / low, grow = std::sqrt(up);
    const double signal = grow * std::sqrt(low), noise = grow * std::sqrt(1 - low);
    const Split s = split(config.prediction, alpha);
    Step step = call_at(config, times[i], alpha);
    Combination move{Slot::sample,
                     {{signal * s.x0_sample + noise * s.noise_sample, Slot::sample},
                      {signal * s.x0_prediction + noise * s.noise_prediction, Slot::prediction}}};
    if (up < 1) move.terms.push_back({std::sqrt(1 - up), Slot::noise});
    step.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(step));
  }
  return schedule;
}

}  // namespace sumi
