#include <algorithm>
#include <cmath>

#include "schedulers/derivative.h"
#include "schedulers/scheduler.h"

namespace sumi {
namespace {

constexpr int most_order = 4;

/// The integral from sigmas[i] to sigmas[i + 1] of the polynomial that is 1 at sigmas[i - which] and 0 at the others of
/// the last `order` sigmas. Two Gauss points are exact up to the third degree.
double weight(const std::vector<double>& sigmas, int i, int order, int which) {
  const auto at = [&](int k) { return sigmas[static_cast<std::size_t>(k)]; };
  const double middle = (at(i) + at(i + 1)) / 2, half = (at(i + 1) - at(i)) / 2;
  double sum = 0;
  for (const double point : {middle - half / std::sqrt(3.0), middle + half / std::sqrt(3.0)}) {
    double product = 1;
    for (int k = 0; k < order; ++k) {
      if (k != which) product *= (point - at(i - k)) / (at(i - which) - at(i - k));
    }
    sum += half * product;
  }
  return sum;
}

}  // namespace

// The linear multistep method (Adams and Bashforth, for uneven steps) on the probability flow ODE: the slopes of the
// last four steps are continued by the polynomial through them.
Schedule make_lms(const SchedulerConfig& config, Run run) {
  Grid grid = fractional_grid(config, sigma_table(config), run, 0);
  Schedule schedule{.initial_sigma = initial_sigma(config, grid.sigmas), .kept = most_order};
  for (int i = 0; i < run.steps - run.begin; ++i) {
    Step step =
        call_at_sigma(config, grid.timesteps[static_cast<std::size_t>(i)], grid.sigmas[static_cast<std::size_t>(i)]);
    step.updates.push_back({kept(i % most_order), derivative(step, 1)});
    Combination move{Slot::sample, {{1, Slot::sample}}};
    const int order = std::min(i + 1, most_order);
    for (int k = 0; k < order; ++k)
      move.terms.push_back({weight(grid.sigmas, i, order, k), kept((i - k) % most_order)});
    step.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(step));
  }
  schedule.sigmas = std::move(grid.sigmas);
  return schedule;
}

}  // namespace sumi
