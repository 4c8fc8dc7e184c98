#include <algorithm>
#include <cmath>

#include "schedulers/scheduler.h"
#include "schedulers/sigmas.h"

namespace sumi {
namespace {

/// The training timestep and the sigma of every step, then the sigma 0.
void place_steps(const SchedulerConfig& config, const std::vector<double>& table, int steps, std::vector<double>& times,
                 std::vector<double>& sigmas) {
  times = spaced_timesteps(config, steps);
  for (const double t : times) sigmas.push_back(sigma_at(table, t));
  if (config.schedule != "default") {
    sigmas = spread_sigmas(config, sigmas.front(), sigmas.back(), steps);
    for (int i = 0; i < steps; ++i)
      times[static_cast<std::size_t>(i)] = timestep_of(table, sigmas[static_cast<std::size_t>(i)]);
  }
  sigmas.push_back(config.final_sigma_zero ? 0 : table.front());
}

}  // namespace

// Euler's method on the probability flow ODE (Karras et al., 2022, algorithm 1) in the variable x / sqrt(alpha):
//   dx/dsigma = (x - x0) / sigma.
// Ancestral (k-diffusion): down to sigma_down, then fresh noise of sigma_up, where sigma_up^2 + sigma_down^2 = sigma'^2
// and sigma_up = sigma' sqrt(sigma^2 - sigma'^2) / sigma.
Schedule make_euler(const SchedulerConfig& config, int steps) {
  NoiseSchedule noise(config);
  noise.keep_finite();
  const std::vector<double> table = noise.sigmas();
  const bool ancestral = config.sampler == "euler-a";
  std::vector<double> times;
  Schedule schedule;
  place_steps(config, table, steps, times, schedule.sigmas);
  const double most = *std::max_element(schedule.sigmas.begin(), schedule.sigmas.end());
  schedule.initial_sigma = config.spacing == "leading" ? std::sqrt(most * most + 1) : most;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double sigma = schedule.sigmas[i], next = schedule.sigmas[i + 1];
    const double up = ancestral ? next * std::sqrt(std::max(0.0, sigma * sigma - next * next)) / sigma : 0;
    const double down = std::sqrt(std::max(0.0, next * next - up * up));
    // x0 from the scaled input x / sqrt(sigma^2 + 1) is that of the variance-preserving process at alpha = 1 / (sigma^2
    // + 1).
    const double scale = 1 / std::sqrt(sigma * sigma + 1);
    const Split s = split(config.prediction, scale * scale);
    const double x0_sample = s.x0_sample * scale, along = (down - sigma) / sigma;
    Step step{.timestep = times[i],
              .input_scale = scale,
              .estimate_sample = x0_sample,
              .estimate_prediction = s.x0_prediction};
    Combination move{Slot::sample,
                     {{1 + along * (1 - x0_sample), Slot::sample}, {-along * s.x0_prediction, Slot::prediction}}};
    if (ancestral) move.terms.push_back({up, Slot::noise});
    step.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(step));
  }
  return schedule;
}

}  // namespace sumi
