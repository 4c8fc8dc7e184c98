#include "schedulers/derivative.h"

#include <algorithm>
#include <cmath>

namespace sumi {

Step call_at_sigma(const SchedulerConfig& config, double timestep, double sigma) {
  // The scaled input x / sqrt(sigma^2 + 1) is a sample of the variance-preserving process.
  Step step = call_at(config, timestep, Point{sigma});
  step.input_scale = Point{sigma}.alpha();
  step.estimate_sample *= step.input_scale;
  step.signal = 1;
  step.noise = sigma;
  return step;
}

std::vector<Combination::Term> derivative(const Step& step, double scale) {
  return {{scale * (1 - step.estimate_sample) / step.noise, Slot::sample},
          {-scale * step.estimate_prediction / step.noise, Slot::prediction}};
}

Combination follow(const Step& step, double change, double fresh) {
  Combination move{Slot::sample, derivative(step, change)};
  move.terms.front().coefficient += 1;
  if (fresh > 0) move.terms.push_back({fresh, Slot::noise});
  return move;
}

double initial_sigma(const SchedulerConfig& config, const std::vector<double>& sigmas) {
  const double most = *std::max_element(sigmas.begin(), sigmas.end());
  return config.spacing == "leading" ? std::sqrt(most * most + 1) : most;
}

Ancestral::Ancestral(double sigma, double next)
    : up(next * std::sqrt(std::max(0.0, sigma * sigma - next * next)) / sigma),
      down(std::sqrt(std::max(0.0, next * next - up * up))) {}

}  // namespace sumi
