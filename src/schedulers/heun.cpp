#include "schedulers/derivative.h"
#include "schedulers/scheduler.h"

namespace sumi {
namespace {

constexpr Slot slope = kept(0), start = kept(1), clean = kept(2);

/// scale * dx/dsigma; by way of x0 where that is clipped.
std::vector<Combination::Term> slope_at(const SchedulerConfig& config, Step& step, double scale) {
  if (!config.clip) return derivative(step, scale);
  step.updates.push_back(keep_estimate(config, step, clean));
  return {{scale / step.noise, Slot::sample}, {-scale / step.noise, clean}};
}

}  // namespace

// Heun's second-order method on the probability flow ODE (Karras et al., 2022, algorithm 1 without its noise): an Euler
// step from sigma to sigma', then again along the mean of the slopes at both ends. The last step, to sigma 0, is
// Euler's.
Schedule make_heun(const SchedulerConfig& config, Run run) {
  Grid grid = fractional_grid(config, sigma_table(config), run, 0);
  Schedule schedule{.initial_sigma = initial_sigma(config, grid.sigmas), .kept = config.clip ? 3 : 2};
  for (std::size_t i = 0; i < grid.timesteps.size(); ++i) {
    const double sigma = grid.sigmas[i], next = grid.sigmas[i + 1], change = next - sigma;
    Step first = call_at_sigma(config, grid.timesteps[i], sigma);
    first.updates.push_back({slope, slope_at(config, first, 1)});
    first.updates.push_back({start, {{1, Slot::sample}}});
    first.updates.push_back({Slot::sample, {{1, start}, {change, slope}}});
    schedule.steps.push_back(std::move(first));
    if (next == 0) break;
    Step second = call_at_sigma(config, grid.timesteps[i + 1], next);
    second.inner = true;
    Combination move{Slot::sample, slope_at(config, second, change / 2)};
    move.terms.insert(move.terms.end(), {{1, start}, {change / 2, slope}});
    second.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(second));
  }
  schedule.sigmas = std::move(grid.sigmas);
  return schedule;
}

}  // namespace sumi
