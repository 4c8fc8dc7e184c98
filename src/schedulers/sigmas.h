#pragma once

#include <vector>

#include "schedulers/noise_schedule.h"
#include "schedulers/scheduler.h"

namespace sumi {

/// sigma at every training timestep, all finite.
std::vector<double> sigma_table(const SchedulerConfig& config);
/// sigma at a fractional timestep, linear between the training timesteps.
double sigma_at(const std::vector<double>& table, double timestep);
/// The fractional timestep of a sigma, linear in log sigma.
double timestep_of(const std::vector<double>& table, double sigma);

/// `steps` sigmas from `most` down to `least` (config.sigma_max and sigma_min where it has them), spread as
/// config.schedule says; not for "default".
/// karras: Karras et al. (2022), equation 5, rho = 7. exponential: even in log sigma. beta: quantiles of Beta(.6, .6)
/// (Lee et al., 2024).
std::vector<double> spread_sigmas(const SchedulerConfig& config, double most, double least, int steps);

/// The steps of a run: a timestep and a sigma each, and after them `last`, the sigma that they lead to.
struct Grid {
  std::vector<double> timesteps, sigmas;
};
/// Fractional timesteps. Schedules other than "default" lie between the ends of the default one.
Grid fractional_grid(const SchedulerConfig& config, const std::vector<double>& table, Run run, double last);
/// Whole timesteps, the least of steps + 1 left out. Schedules other than "default" span the whole table.
Grid whole_grid(const SchedulerConfig& config, const std::vector<double>& table, Run run, double last);

/// The sigma that config.final_sigma_zero asks the last step to lead to.
double final_sigma(const SchedulerConfig& config, const std::vector<double>& table);

/// A sample of the variance-preserving process at a sigma: alpha * x0 + noise * standard normal noise.
struct Point {
  double sigma;
  double alpha() const;  ///< 1 / sqrt(sigma^2 + 1)
  double noise() const { return sigma * alpha(); }
  double lambda() const;  ///< log(alpha / noise) = -log sigma
};
/// The model's call on such a sample.
Step call_at(const SchedulerConfig& config, double timestep, Point point);

}  // namespace sumi
