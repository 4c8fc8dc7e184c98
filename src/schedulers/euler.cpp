#include "schedulers/derivative.h"
#include "schedulers/scheduler.h"
#include "schedulers/sigmas.h"

namespace sumi {

// Euler's method on the probability flow ODE (Karras et al., 2022, algorithm 1 without its noise). The ancestral form
// (Katherine Crowson's k-diffusion) goes down to sigma_down and adds fresh noise of sigma_up, where
// sigma_up = sigma' sqrt(sigma^2 - sigma'^2) / sigma.
Schedule make_euler(const SchedulerConfig& config, Run run) {
  const bool ancestral = config.sampler == "euler-a";
  const std::vector<double> table = sigma_table(config);
  Grid grid = fractional_grid(config, table, run, ancestral ? 0 : final_sigma(config, table));
  Schedule schedule{.initial_sigma = initial_sigma(config, grid.sigmas)};
  for (std::size_t i = 0; i < grid.timesteps.size(); ++i) {
    const double sigma = grid.sigmas[i], next = grid.sigmas[i + 1];
    Step step = call_at_sigma(config, grid.timesteps[i], sigma);
    if (ancestral) {
      const Ancestral to(sigma, next);
      step.updates.push_back(follow(step, to.down - sigma, to.up));
    } else {
      step.updates.push_back(follow(step, next - sigma));
    }
    schedule.steps.push_back(std::move(step));
  }
  schedule.sigmas = std::move(grid.sigmas);
  return schedule;
}

}  // namespace sumi
