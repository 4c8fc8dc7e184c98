#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "schedulers/noise_schedule.h"
#include "schedulers/scheduler.h"

namespace sumi {

// Latent consistency models (Luo et al., 2023): each call estimates the finished sample, mixed with the noisy one as
// the boundary condition asks (c_skip and c_out of Song et al., 2023, with sigma_data = 1/2), and fresh noise takes it
// to the next timestep.
Schedule make_lcm(const SchedulerConfig& config, int steps) {
  check(steps <= config.original_steps, ErrorCode::usage,
        "steps {}: the model was distilled on {}, so lcm takes at most that", steps, config.original_steps);
  const NoiseSchedule noise(config);
  const int stride = config.train_steps / config.original_steps, origin = config.original_steps;
  std::vector<int> times;
  for (int i = 0; i < steps; ++i) times.push_back((origin - origin * i / steps) * stride - 1);

  Schedule schedule;
  schedule.kept = 1;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const bool last = i + 1 == times.size();
    const Split s = split(config.prediction, noise.alpha(times[i]));
    const double scaled = times[i] * config.timestep_scaling, data = .25;
    const double skip = data / (scaled * scaled + data), out = scaled / std::sqrt(scaled * scaled + data);
    Step step{.timestep = static_cast<double>(times[i]),
              .estimate_sample = s.x0_sample,
              .estimate_prediction = s.x0_prediction};
    step.updates.push_back({kept(0), {{s.x0_sample, Slot::sample}, {s.x0_prediction, Slot::prediction}}, config.clip});
    const double next = last ? 1 : noise.alpha(times[i + 1]), signal = std::sqrt(next);
    Combination move{Slot::sample, {{signal * out, kept(0)}, {signal * skip, Slot::sample}}};
    if (!last) move.terms.push_back({std::sqrt(1 - next), Slot::noise});
    step.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(step));
  }
  return schedule;
}

}  // namespace sumi
