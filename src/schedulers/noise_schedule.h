#pragma once

#include <vector>

#include "schedulers/config.h"
#include "schedulers/schedule.h"

namespace sumi {

/// The forward process: how much of a picture is left at each training timestep.
/// Rounded to float32 where the reference's tables are, which decides their last digits.
struct NoiseSchedule {
  std::vector<double> alphas_cumprod;  ///< at timestep t

  explicit NoiseSchedule(const SchedulerConfig& config);
  double alpha(int t) const { return alphas_cumprod.at(static_cast<std::size_t>(t)); }
  /// sqrt((1 - alpha) / alpha) at every timestep.
  std::vector<double> sigmas() const;
  /// Where alpha is 0 a sigma is infinite: samplers that divide by it use this least alpha.
  void keep_finite();
};

/// `steps` training timesteps, descending, as config.spacing spreads them.
std::vector<double> spaced_timesteps(const SchedulerConfig& config, int steps);
/// `steps` of the timesteps that a distilled model was trained on, descending.
/// Error(usage) where there are not as many.
std::vector<int> distilled_timesteps(const SchedulerConfig& config, int steps);

/// x0 = x0_sample * x + x0_prediction * m and noise likewise, at alpha, by what the model predicts.
struct Split {
  double x0_sample, x0_prediction, noise_sample, noise_prediction;
};
Split split(Prediction prediction, double alpha);

/// A call of the model on a sample sqrt(alpha) x0 + sqrt(1 - alpha) noise, without updates.
Step call_at(const SchedulerConfig& config, double timestep, double alpha);
/// to = x0 as the step estimates it, clipped where the configuration asks.
Combination keep_estimate(const SchedulerConfig& config, const Step& step, Slot to);

}  // namespace sumi
