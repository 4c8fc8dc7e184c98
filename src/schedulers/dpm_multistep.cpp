#include <cmath>

#include "schedulers/scheduler.h"
#include "schedulers/sigmas.h"

namespace sumi {
namespace {

// DPM-Solver++ (Lu et al., 2022), multistep, second order. With alpha = 1 / sqrt(sigma^2 + 1), s = sigma alpha,
// lambda = log(alpha / s) = -log sigma and h = lambda' - lambda:
//   x' = s'/s x - alpha' (exp(-h) - 1) D,   D = x0 + h / (2 h0) (x0 - x0 before),
// where h0 was the last h (midpoint). The first step, the last to sigma 0, and late ones of short runs are first order:
// D = x0. The stochastic form (section 4.5 of the same) adds noise:
//   x' = s'/s exp(-h) x + alpha' (1 - exp(-2h)) D + s' sqrt(1 - exp(-2h)) fresh.
struct Point {
  double sigma;
  double alpha() const { return 1 / std::sqrt(sigma * sigma + 1); }
  double noise() const { return sigma * alpha(); }
  double lambda() const { return -std::log(sigma); }
};

std::vector<double> timesteps_of(const SchedulerConfig& config, int steps) {
  if (config.spacing == "trailing") return spaced_timesteps(config, steps);
  // One more than needed: the smallest is left out.
  std::vector<double> times = spaced_timesteps(config, steps + 1);
  times.pop_back();
  for (double& t : times) t = std::nearbyint(t);
  return times;
}

void place_steps(const SchedulerConfig& config, const std::vector<double>& table, int steps, std::vector<double>& times,
                 std::vector<double>& sigmas) {
  if (config.schedule == "default") {
    times = timesteps_of(config, steps);
    for (const double t : times) sigmas.push_back(sigma_at(table, t));
  } else {
    sigmas = spread_sigmas(config, table.back(), table.front(), steps);
    for (const double sigma : sigmas) {
      const double t = timestep_of(table, sigma);
      times.push_back(config.schedule == "karras" ? std::nearbyint(t) : std::floor(t));
    }
  }
  sigmas.push_back(config.final_sigma_zero ? 0 : table.front());
}

bool first_order(const SchedulerConfig& config, std::size_t i, std::size_t steps) {
  const bool late = config.lower_order_final && steps < 15;
  if (i == 0 || config.order == 1) return true;
  if (i + 1 == steps) return config.euler_at_final || late || config.final_sigma_zero;
  return false;
}

}  // namespace

Schedule make_dpm_multistep(const SchedulerConfig& config, int steps) {
  NoiseSchedule process(config);
  process.keep_finite();
  const std::vector<double> table = process.sigmas();
  const bool stochastic = config.sampler == "dpmpp-2m-sde";
  Schedule schedule{.kept = 2};
  std::vector<double> times;
  place_steps(config, table, steps, times, schedule.sigmas);
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Point now{schedule.sigmas[i]}, next{schedule.sigmas[i + 1]};
    const Split s = split(config.prediction, now.alpha() * now.alpha());
    const Slot x0 = kept(static_cast<int>(i % 2)), before = kept(static_cast<int>((i + 1) % 2));
    Step step{.timestep = times[i], .estimate_sample = s.x0_sample, .estimate_prediction = s.x0_prediction};
    step.updates.push_back({x0, {{s.x0_sample, Slot::sample}, {s.x0_prediction, Slot::prediction}}, config.clip});

    const double shrink = next.sigma > 0 ? next.sigma / now.sigma : 0;  // exp(-h)
    const double ratio = next.noise() / now.noise();
    const double along = next.alpha() * (stochastic ? 1 - shrink * shrink : 1 - shrink);
    double curve = 0;  // h / (2 h0), times along
    if (!first_order(config, i, times.size())) {
      const double h = next.lambda() - now.lambda(), h0 = now.lambda() - Point{schedule.sigmas[i - 1]}.lambda();
      const double bend = config.heun && !stochastic ? next.alpha() * (std::expm1(-h) + h) : along / 2 * h;
      curve = bend / h0;
    }
    Combination move{Slot::sample, {{stochastic ? ratio * shrink : ratio, Slot::sample}, {along + curve, x0}}};
    if (curve != 0) move.terms.push_back({-curve, before});
    if (stochastic) move.terms.push_back({next.noise() * std::sqrt(1 - shrink * shrink), Slot::noise});
    step.updates.push_back(std::move(move));
    schedule.steps.push_back(std::move(step));
  }
  return schedule;
}

}  // namespace sumi
