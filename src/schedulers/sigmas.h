#pragma once

#include <vector>

#include "schedulers/noise_schedule.h"

namespace sumi {

/// sigma at a fractional timestep, linear between the training timesteps.
double sigma_at(const std::vector<double>& table, double timestep);
/// The fractional timestep of a sigma, linear in log sigma.
double timestep_of(const std::vector<double>& table, double sigma);

/// `steps` sigmas from `most` down to `least`, spread as config.schedule says; not for "default".
/// karras: Karras et al. (2022), equation 5, rho = 7. exponential: even in log sigma. beta: quantiles of Beta(.6, .6)
/// (Lee et al., 2024).
std::vector<double> spread_sigmas(const SchedulerConfig& config, double most, double least, int steps);

}  // namespace sumi
