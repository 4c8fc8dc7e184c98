#include "schedulers/sigmas.h"

#include <algorithm>
#include <cmath>

namespace sumi {
namespace {

/// The regularised incomplete beta function I_x(a, b) by its continued fraction (Lentz's method), for x below
/// (a+1)/(a+b+2).
double incomplete_beta(double a, double b, double x) {
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x)) / a;
  double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), sum = d;
  for (int m = 1; m < 200; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    sum *= c * d;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    sum *= c * d;
    if (std::abs(c * d - 1) < 1e-15) break;
  }
  return front * sum;
}

/// The quantile of a symmetric Beta(a, a) by bisection.
double beta_quantile(double a, double p) {
  if (p > .5) return 1 - beta_quantile(a, 1 - p);
  if (p <= 0) return 0;
  double low = 0, high = .5;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (incomplete_beta(a, a, middle) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

std::vector<double> sigma_table(const SchedulerConfig& config) {
  NoiseSchedule process(config);
  process.keep_finite();
  return process.sigmas();
}

double sigma_at(const std::vector<double>& table, double timestep) {
  const auto below = std::min(static_cast<std::size_t>(std::max(timestep, 0.0)), table.size() - 1);
  const auto above = std::min(below + 1, table.size() - 1);
  return table[below] + (table[above] - table[below]) * std::clamp(timestep - static_cast<double>(below), 0.0, 1.0);
}

double timestep_of(const std::vector<double>& table, double sigma) {
  // The reference's table of logarithms is float32, which decides on which side of a whole timestep some sigmas fall.
  const auto log_at = [&](std::ptrdiff_t t) {
    return static_cast<double>(std::log(static_cast<float>(table[static_cast<std::size_t>(t)])));
  };
  const double wanted = std::log(std::max(sigma, 1e-10));
  const auto last = static_cast<std::ptrdiff_t>(table.size()) - 2;
  auto low =
      std::clamp<std::ptrdiff_t>(std::upper_bound(table.begin(), table.end(), sigma) - table.begin() - 1, 0, last);
  if (low > 0 && log_at(low) > wanted) --low;
  return static_cast<double>(low) + std::clamp((wanted - log_at(low)) / (log_at(low + 1) - log_at(low)), 0.0, 1.0);
}

std::vector<double> spread_sigmas(const SchedulerConfig& config, double most, double least, int steps) {
  most = config.sigma_max.value_or(most);
  least = config.sigma_min.value_or(least);
  std::vector<double> sigmas;
  for (int i = 0; i < steps; ++i) {
    const double u = steps > 1 ? static_cast<double>(i) / (steps - 1) : 0;
    if (config.schedule == "karras") {
      constexpr double rho = 7;
      const double high = std::pow(most, 1 / rho), low = std::pow(least, 1 / rho);
      sigmas.push_back(std::pow(high + u * (low - high), rho));
    } else if (config.schedule == "exponential") {
      sigmas.push_back(std::exp(std::log(most) + u * (std::log(least) - std::log(most))));
    } else {
      sigmas.push_back(least + beta_quantile(.6, 1 - u) * (most - least));
    }
  }
  return sigmas;
}

namespace {

Grid without_begin(Grid grid, int begin) {
  grid.timesteps.erase(grid.timesteps.begin(), grid.timesteps.begin() + begin);
  grid.sigmas.erase(grid.sigmas.begin(), grid.sigmas.begin() + begin);
  return grid;
}

}  // namespace

Grid fractional_grid(const SchedulerConfig& config, const std::vector<double>& table, Run run, double last) {
  Grid grid{spaced_timesteps(config, run.steps), {}};
  for (const double t : grid.timesteps) grid.sigmas.push_back(sigma_at(table, t));
  if (config.schedule != "default") {
    grid.sigmas = spread_sigmas(config, grid.sigmas.front(), grid.sigmas.back(), run.steps);
    std::transform(grid.sigmas.begin(), grid.sigmas.end(), grid.timesteps.begin(),
                   [&](double sigma) { return timestep_of(table, sigma); });
  }
  grid.sigmas.push_back(last);
  return without_begin(std::move(grid), run.begin);
}

Grid whole_grid(const SchedulerConfig& config, const std::vector<double>& table, Run run, double last) {
  Grid grid;
  if (config.schedule == "default") {
    const bool trailing = config.spacing == "trailing";
    grid.timesteps = spaced_timesteps(config, trailing ? run.steps : run.steps + 1);
    grid.timesteps.resize(static_cast<std::size_t>(run.steps));
    for (double& t : grid.timesteps) grid.sigmas.push_back(sigma_at(table, t = std::nearbyint(t)));
  } else {
    grid.sigmas = spread_sigmas(config, table.back(), table.front(), run.steps);
    for (const double sigma : grid.sigmas) {
      const double t = timestep_of(table, sigma);
      grid.timesteps.push_back(config.schedule == "karras" ? std::nearbyint(t) : std::floor(t));
    }
  }
  grid.sigmas.push_back(last);
  return without_begin(std::move(grid), run.begin);
}

double final_sigma(const SchedulerConfig& config, const std::vector<double>& table) {
  return config.final_sigma_zero ? 0 : table.front();
}

double Point::alpha() const { return 1 / std::sqrt(sigma * sigma + 1); }
double Point::lambda() const { return -std::log(sigma); }

Step call_at(const SchedulerConfig& config, double timestep, Point point) {
  return call_at(config, timestep, point.alpha() * point.alpha());
}

}  // namespace sumi
