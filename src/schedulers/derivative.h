#pragma once

#include "schedulers/sigmas.h"

namespace sumi {

// What samplers of the probability flow ODE (Karras et al., 2022) in the variable x / sqrt(alpha) share:
//   dx/dsigma = (x - x0) / sigma.

/// The model's call on a sample x0 + sigma * noise, without updates.
Step call_at_sigma(const SchedulerConfig& config, double timestep, double sigma);
/// scale * dx/dsigma at the step's sample.
std::vector<Combination::Term> derivative(const Step& step, double scale);
/// sample = sample + change * dx/dsigma + fresh * noise.
Combination follow(const Step& step, double change, double fresh = 0);

/// The standard deviation of the first sample of a run over these sigmas.
double initial_sigma(const SchedulerConfig& config, const std::vector<double>& sigmas);

/// A step from sigma to sigma' that goes down further and adds fresh noise: up^2 + down^2 = sigma'^2.
struct Ancestral {
  double up, down;
  Ancestral(double sigma, double next);
};

}  // namespace sumi
