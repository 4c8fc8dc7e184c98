#include <cmath>

#include "schedulers/derivative.h"
#include "schedulers/scheduler.h"

namespace sumi {

// DPM-Solver-2 (Lu et al., 2022, algorithm 1) as Karras et al. (2022) use it: the slope at the geometric mean of sigma
// and sigma' takes the whole step. The ancestral form goes down to sigma_down and adds fresh noise of sigma_up. The
// last step, to sigma 0, is Euler's.
Schedule make_dpm2(const SchedulerConfig& config, Run run) {
  constexpr Slot start = kept(0);
  const bool ancestral = config.sampler == "dpm2-a";
  const std::vector<double> table = sigma_table(config);
  Grid grid = fractional_grid(config, table, run, 0);
  Schedule schedule{.initial_sigma = initial_sigma(config, grid.sigmas), .kept = 1};
  for (std::size_t i = 0; i < grid.timesteps.size(); ++i) {
    const double sigma = grid.sigmas[i], next = grid.sigmas[i + 1];
    const Ancestral to(sigma, next);
    const double down = ancestral ? to.down : next, middle = std::sqrt(sigma * down);
    const double timestep = config.schedule == "karras" ? std::nearbyint(grid.timesteps[i]) : grid.timesteps[i];
    Step first = call_at_sigma(config, timestep, sigma);
    if (next > 0) first.updates.push_back({start, {{1, Slot::sample}}});
    first.updates.push_back(follow(first, middle - sigma));
    schedule.steps.push_back(std::move(first));
    if (next == 0) break;
    Step second = call_at_sigma(config, timestep_of(table, middle), middle);
    second.inner = true;
    Combination move{Slot::sample, derivative(second, down - sigma)};
    move.terms.push_back({1, start});
    if (ancestral) move.terms.push_back({to.up, Slot::noise});
    second.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(second));
  }
  schedule.sigmas = std::move(grid.sigmas);
  return schedule;
}

}  // namespace sumi
