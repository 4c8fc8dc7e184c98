#include <cmath>

#include "schedulers/noise_schedule.h"
#include "schedulers/scheduler.h"

namespace sumi {

// Latent consistency models (Luo et al., 2023): each call estimates the finished sample, mixed with the noisy one as
// the boundary condition asks (c_skip and c_out of Song et al., 2023, with sigma_data = 1/2), and fresh noise takes it
// to the next timestep.
Schedule make_lcm(const SchedulerConfig& config, Run run) {
  const NoiseSchedule process(config);
  std::vector<int> times = distilled_timesteps(config, run.steps);
  times.erase(times.begin(), times.begin() + run.begin);
  Schedule schedule{.kept = 1};
  for (std::size_t i = 0; i < times.size(); ++i) {
    const bool last = i + 1 == times.size();
    const double scaled = times[i] * config.timestep_scaling, data = .25;
    const double skip = data / (scaled * scaled + data), out = scaled / std::sqrt(scaled * scaled + data);
    Step step = call_at(config, times[i], process.alpha(times[i]));
    step.updates.push_back(keep_estimate(config, step, kept(0)));
    const double next = last ? 1 : process.alpha(times[i + 1]), signal = std::sqrt(next);
    Combination move{Slot::sample, {{signal * out, kept(0)}, {signal * skip, Slot::sample}}};
    if (!last) move.terms.push_back({std::sqrt(1 - next), Slot::noise});
    step.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(step));
  }
  return schedule;
}

}  // namespace sumi
