#include <cmath>

#include "schedulers/scheduler.h"
#include "schedulers/sigmas.h"

namespace sumi {
namespace {

/// Whether the i-th call of the run that is left ends a pair. Pairs need an even number of calls, so one or two at the
/// end go alone where there is none.
bool ends_pair(const SchedulerConfig& config, int i, Run run) {
  const int at = run.begin + i;
  const bool alone = config.lower_order_final || config.final_sigma_zero || run.steps % 2 == 1;
  return config.order == 2 && i > 0 && at % 2 == 1 && (at + 1 < run.steps || !alone);
}

}  // namespace

// DPM-Solver++ (Lu et al., 2022, algorithm 1), singlestep, second order: of each pair of calls the first takes a
// first-order step from s to t, and the second starts again at s with the x0 of both: with alpha, sigma and lambda as
// in the multistep form, and h = lambda' - lambda_s,
//   x' = s'/s x_s + alpha' (1 - exp(-h)) D,   D = x0_s + h / (2 (lambda_t - lambda_s)) (x0_t - x0_s).
// Heun's form weighs the difference by alpha' ((exp(-h) - 1) / h + 1) h / (lambda_t - lambda_s).
Schedule make_dpm_singlestep(const SchedulerConfig& config, Run run) {
  constexpr Slot start = kept(0), first = kept(1), second = kept(2);
  const std::vector<double> table = sigma_table(config);
  Grid grid = whole_grid(config, table, run, final_sigma(config, table));
  Schedule schedule{.kept = 3};
  for (int i = 0; i < run.steps - run.begin; ++i) {
    const auto at = [&](int k) { return Point{grid.sigmas[static_cast<std::size_t>(k)]}; };
    const Point now = at(i), next = at(i + 1);
    Step step = call_at(config, grid.timesteps[static_cast<std::size_t>(i)], now);
    const bool pair = ends_pair(config, i, run);
    const Point from = pair ? at(i - 1) : now;
    const double ratio = next.noise() / from.noise(), along = next.alpha() * (1 - next.sigma / from.sigma);
    step.updates.push_back(keep_estimate(config, step, pair ? second : first));
    if (pair) {
      const double h = next.lambda() - from.lambda(), heun = next.alpha() * (std::expm1(-h) / h + 1);
      const double curve = (config.heun ? heun : along / 2) * h / (now.lambda() - from.lambda());
      step.updates.push_back({Slot::sample, {{ratio, start}, {along - curve, first}, {curve, second}}});
    } else {
      step.updates.push_back({start, {{1, Slot::sample}}});
      step.updates.push_back({Slot::sample, {{ratio, start}, {along, first}}});
    }
    schedule.steps.push_back(std::move(step));
  }
  schedule.sigmas = std::move(grid.sigmas);
  return schedule;
}

}  // namespace sumi
