#include <cmath>

#include "schedulers/scheduler.h"
#include "schedulers/sigmas.h"

namespace sumi {
namespace {

bool first_order(const SchedulerConfig& config, std::size_t i, Run run) {
  if (i == 0 || config.order == 1) return true;
  const bool short_run = config.lower_order_final && run.steps < 15;
  const bool last = static_cast<int>(i) + run.begin + 1 == run.steps;
  return last && (config.euler_at_final || short_run || config.final_sigma_zero);
}

}  // namespace

// DPM-Solver++ (Lu et al., 2022), multistep, second order. With alpha = 1 / sqrt(sigma^2 + 1), s = sigma alpha,
// lambda = log(alpha / s) = -log sigma and h = lambda' - lambda:
//   x' = s'/s x + alpha' (1 - exp(-h)) D,   D = x0 + h / (2 h0) (x0 - x0 before),
// where h0 was the last h (midpoint). The first step, the last to sigma 0, and the last of short runs are first order:
// D = x0. Heun's form weighs the difference by alpha' ((exp(-h) - 1) / h + 1) / h0 * h instead.
// The stochastic form adds noise: x' = s'/s exp(-h) x + alpha' (1 - exp(-2h)) D + s' sqrt(1 - exp(-2h)) fresh.
Schedule make_dpm_multistep(const SchedulerConfig& config, Run run) {
  const bool stochastic = config.sampler == "dpmpp-2m-sde";
  const std::vector<double> table = sigma_table(config);
  Grid grid = whole_grid(config, table, run, final_sigma(config, table));
  Schedule schedule{.kept = 2};
  for (std::size_t i = 0; i < grid.timesteps.size(); ++i) {
    const Point now{grid.sigmas[i]}, next{grid.sigmas[i + 1]};
    const Slot x0 = kept(static_cast<int>(i % 2)), before = kept(static_cast<int>((i + 1) % 2));
    Step step = call_at(config, grid.timesteps[i], now);
    step.updates.push_back(keep_estimate(config, step, x0));

    const double shrink = next.sigma / now.sigma, power = stochastic ? 2 : 1;  // exp(-h)
    const double along = next.alpha() * (1 - std::pow(shrink, power));
    double curve = 0;
    if (!first_order(config, i, run)) {
      const double h = next.lambda() - now.lambda(), h0 = now.lambda() - Point{grid.sigmas[i - 1]}.lambda();
      const double heun = next.alpha() * (std::expm1(-power * h) / (power * h) + 1);
      curve = (config.heun ? heun : along / 2) * h / h0;
    }
    const double ratio = next.noise() / now.noise();
    Combination move{Slot::sample, {{stochastic ? ratio * shrink : ratio, Slot::sample}, {along + curve, x0}}};
    if (curve != 0) move.terms.push_back({-curve, before});
    if (stochastic && next.sigma > 0)
      move.terms.push_back({next.noise() * std::sqrt(1 - shrink * shrink), Slot::noise});
    step.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(step));
  }
  schedule.sigmas = std::move(grid.sigmas);
  return schedule;
}

}  // namespace sumi
