#include <cmath>

#include "schedulers/scheduler.h"
#include "schedulers/sigmas.h"

namespace sumi {
namespace {

/// The integral from `a` to `b` of the line in log sigma that is 1 at `one` and 0 at `zero`.
double weight(double a, double b, double one, double zero) {
  const auto antiderivative = [&](double sigma) { return sigma * (std::log(sigma / zero) - 1); };
  return (antiderivative(b) - antiderivative(a)) / std::log(one / zero);
}

}  // namespace

// Diffusion exponential integrator sampler (Zhang and Chen, 2022), multistep, in log sigma, second order: with e the
// noise that a call predicts and alpha = 1 / sqrt(sigma^2 + 1),
//   x' / alpha' = x / alpha + integral from sigma to sigma' of the line through e and e before, over log sigma.
// The first step, and the last of short runs, hold e instead. Runs end at the least sigma of the training.
Schedule make_deis(const SchedulerConfig& config, Run run) {
  const std::vector<double> table = sigma_table(config);
  Grid grid = whole_grid(config, table, run, table.front());
  Schedule schedule{.kept = 2};
  for (std::size_t i = 0; i < grid.timesteps.size(); ++i) {
    const Point now{grid.sigmas[i]}, next{grid.sigmas[i + 1]};
    const Split s = split(config.prediction, now.alpha() * now.alpha());
    const Slot noise = kept(static_cast<int>(i % 2)), before = kept(static_cast<int>((i + 1) % 2));
    Step step = call_at(config, grid.timesteps[i], now);
    step.updates.push_back({noise, {{s.noise_sample, Slot::sample}, {s.noise_prediction, Slot::prediction}}});
    Combination move{Slot::sample, {{next.alpha() / now.alpha(), Slot::sample}}};
    const bool last = i + 1 == grid.timesteps.size() && config.lower_order_final && run.steps < 15;
    if (i == 0 || last || config.order == 1) {
      move.terms.push_back({next.alpha() * (next.sigma - now.sigma), noise});
    } else {
      const double past = grid.sigmas[i - 1];
      move.terms.push_back({next.alpha() * weight(now.sigma, next.sigma, now.sigma, past), noise});
      move.terms.push_back({next.alpha() * weight(now.sigma, next.sigma, past, now.sigma), before});
    }
    step.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(step));
  }
  schedule.sigmas = std::move(grid.sigmas);
  return schedule;
}

}  // namespace sumi
