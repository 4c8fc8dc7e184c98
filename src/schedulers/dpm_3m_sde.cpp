#include <algorithm>
#include <array>
#include <cmath>

#include "schedulers/scheduler.h"
#include "schedulers/sigmas.h"

namespace sumi {
namespace {

/// What x0 of this call, the one before and the one before that weigh in a step of length h over lambda, where the
/// calls lie h1 and h2 apart; 0 where there was no such call.
std::array<double, 3> weights(double h, double h1, double h2) {
  const double whole = -std::expm1(-2 * h);
  if (h == 0 || h1 == 0) return {whole, 0, 0};  // some runs end at the sigma of their last call
  const double slope = 1 - whole / (2 * h), bend = slope / (2 * h) - .5, r1 = h1 / h, r2 = h2 / h;
  const double second = h2 == 0 ? 0 : (slope * r1 - bend) / (r1 + r2);
  const double near = (slope + second) / r1, far = h2 == 0 ? 0 : second / r2;
  return {whole + near, -near - far, far};
}

}  // namespace

// DPM-Solver++ (Lu et al., 2022) of the diffusion SDE, multistep over three calls, as Katherine Crowson's k-diffusion
// has it. With y = x / alpha, lambda = -log sigma and h = lambda' - lambda,
//   y' = exp(-2h) y + (1 - exp(-2h)) x0 + p D1 - q D2 + sigma' sqrt(1 - exp(-2h)) fresh,
//   p = 1 - (1 - exp(-2h)) / (2h),   q = p / (2h) - 1/2,
// D1 and D2 the first and second divided difference of x0 at this call, times h and h^2, from the last three calls, or
// the last two (D2 = 0). D2 is half of the second derivative, and the expansion has 2q, so that the order is two with a
// smaller error than dpmpp-2m-sde has; pictures are those that other programs' settings stand for. The first step and
// the last to sigma 0 are x0's alone. The noise is drawn anew for each step: programs that take it from a Brownian tree
// make other pictures from the same seed, of the same distribution.
Schedule make_dpm_3m_sde(const SchedulerConfig& config, Run run) {
  const std::vector<double> table = sigma_table(config);
  Grid grid = whole_grid(config, table, run, final_sigma(config, table));
  Schedule schedule{.kept = 3};
  const auto lambda = [&](std::size_t i) { return Point{grid.sigmas[i]}.lambda(); };
  const auto x0 = [](std::size_t i) { return kept(static_cast<int>(i % 3)); };
  for (std::size_t i = 0; i < grid.timesteps.size(); ++i) {
    const Point now{grid.sigmas[i]}, next{grid.sigmas[i + 1]};
    Step step = call_at(config, grid.timesteps[i], now);
    step.updates.push_back(keep_estimate(config, step, x0(i)));
    const std::size_t calls = next.sigma > 0 ? std::min<std::size_t>(i, 2) : 0;  // that lie behind
    const double h1 = calls > 0 ? lambda(i) - lambda(i - 1) : 0, h2 = calls > 1 ? lambda(i - 1) - lambda(i - 2) : 0;
    const std::array weight =
        next.sigma > 0 ? weights(lambda(i + 1) - lambda(i), h1, h2) : std::array<double, 3>{1, 0, 0};
    const double shrink = next.sigma / now.sigma;  // exp(-h)
    Combination move{Slot::sample, {{next.noise() / now.noise() * shrink, Slot::sample}}};
    for (std::size_t back = 0; back <= calls; ++back) {
      move.terms.push_back({next.alpha() * weight[back], x0(i - back)});
    }
    if (next.sigma > 0) move.terms.push_back({next.noise() * std::sqrt(1 - shrink * shrink), Slot::noise});
    step.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(step));
  }
  schedule.sigmas = std::move(grid.sigmas);
  return schedule;
}

}  // namespace sumi
