#include <cmath>

#include "schedulers/derivative.h"
#include "schedulers/scheduler.h"

namespace sumi {

// DPM-Solver++ (Lu et al., 2022, algorithm 1), singlestep, second order, of the diffusion SDE. With y = x / alpha and
// h = log(sigma / sigma'),
//   y' = exp(-2h) y + (1 - exp(-2h)) x0 + sigma' sqrt(1 - exp(-2h)) fresh,
// first half of the way, to the geometric mean m of sigma and sigma', then again from the start all of the way with the
// x0 that is seen at m (r = 1/2). The noise of both is that of one Brownian path over sigma: the fresh noise of the
// whole is sqrt(w) of the half's and sqrt(1 - w) of new noise, w = (sigma - m) / (sigma - sigma'). Programs that take
// the path from a tree of their own make other pictures from the same seed, of the same distribution. The last step, to
// sigma 0, is x0.
Schedule make_dpm_sde(const SchedulerConfig& config, Run run) {
  constexpr Slot start = kept(0), early = kept(1);
  const std::vector<double> table = sigma_table(config);
  Grid grid = fractional_grid(config, table, run, 0);
  Schedule schedule{.initial_sigma = initial_sigma(config, grid.sigmas), .kept = 2};
  for (std::size_t i = 0; i < grid.timesteps.size(); ++i) {
    const double sigma = grid.sigmas[i], next = grid.sigmas[i + 1], middle = std::sqrt(sigma * next);
    const Ancestral half(sigma, middle), whole(sigma, next);
    Step first = call_at_sigma(config, grid.timesteps[i], sigma);
    if (next > 0) first.updates = {{start, {{1, Slot::sample}}}, {early, {{1, Slot::noise}}}};
    first.updates.push_back(follow(first, half.down - sigma, half.up));
    schedule.steps.push_back(std::move(first));
    if (next == 0) break;
    Step second = call_at_sigma(config, timestep_of(table, middle), middle);
    second.inner = true;
    const double keep = whole.down / sigma, w = (sigma - middle) / (sigma - next);
    second.updates.push_back({Slot::sample,
                              {{keep, start},
                               {(1 - keep) * second.estimate_sample, Slot::sample},
                               {(1 - keep) * second.estimate_prediction, Slot::prediction},
                               {whole.up * std::sqrt(w), early},
                               {whole.up * std::sqrt(1 - w), Slot::noise}}});
    schedule.steps.push_back(std::move(second));
  }
  schedule.sigmas = std::move(grid.sigmas);
  return schedule;
}

}  // namespace sumi
