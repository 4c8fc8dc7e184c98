#include "schedulers/noise_schedule.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace sumi {
namespace {

/// Betas rescaled so that alphas_cumprod ends at 0 (Lin et al., 2023, algorithm 1), in float32 as the reference does
/// it.
std::vector<float> zero_terminal_snr(const std::vector<float>& betas) {
  std::vector<float> roots;
  double product = 1;
  for (const float beta : betas)
    roots.push_back(std::sqrt(static_cast<float>(product *= static_cast<double>(1 - beta))));
  const float first = roots.front(), last = roots.back();
  for (float& root : roots) root = (root - last) * (first / (first - last));
  std::vector<float> rescaled;
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const float bar = roots[i] * roots[i];
    rescaled.push_back(1 - (i ? bar / (roots[i - 1] * roots[i - 1]) : bar));
  }
  return rescaled;
}

double round_half_even(double value) { return std::nearbyint(value); }

}  // namespace

NoiseSchedule::NoiseSchedule(const SchedulerConfig& config) {
  std::vector<float> betas(config.betas.begin(), config.betas.end());
  if (config.zero_snr) betas = zero_terminal_snr(betas);
  double product = 1;
  for (const float beta : betas) {
    product *= static_cast<double>(1 - beta);
    alphas_cumprod.push_back(static_cast<double>(static_cast<float>(product)));
  }
}

std::vector<double> NoiseSchedule::sigmas() const {
  std::vector<double> sigmas;
  for (const double alpha : alphas_cumprod) {
    const auto rounded = static_cast<float>(alpha);
    sigmas.push_back(static_cast<double>(std::sqrt((1 - rounded) / rounded)));
  }
  return sigmas;
}

void NoiseSchedule::keep_finite() { alphas_cumprod.back() = std::max(alphas_cumprod.back(), 0x1p-24); }

std::vector<double> spaced_timesteps(const SchedulerConfig& config, int steps) {
  const int train = config.train_steps;
  std::vector<double> timesteps;
  for (int i = steps - 1; i >= 0; --i) {
    double t;
    if (config.spacing == "linspace") {
      t = steps > 1 ? static_cast<double>(train - 1) * i / (steps - 1) : 0;
    } else if (config.spacing == "leading") {
      t = static_cast<double>(i) * (train / steps) + config.steps_offset;
    } else {
      t = round_half_even(train - (steps - 1 - i) * (static_cast<double>(train) / steps)) - 1;
    }
    timesteps.push_back(std::min<double>(t, train - 1));
  }
  return timesteps;
}

std::vector<int> distilled_timesteps(const SchedulerConfig& config, int steps) {
  const int origin = config.original_steps, stride = config.train_steps / origin;
  check(steps <= origin, ErrorCode::usage, "steps {}: the model was distilled on {}, so {} takes at most that", steps,
        origin, config.sampler);
  std::vector<int> timesteps;
  for (int i = 0; i < steps; ++i) {
    const int skipped = static_cast<int>(i * (static_cast<double>(origin) / steps));  // as the reference rounds it
    timesteps.push_back((origin - skipped) * stride - 1);
  }
  return timesteps;
}

Split split(Prediction prediction, double alpha) {
  const double signal = std::sqrt(alpha), noise = std::sqrt(1 - alpha);
  switch (prediction) {
    case Prediction::epsilon: return {1 / signal, -noise / signal, 0, 1};
    case Prediction::velocity: return {signal, -noise, noise, signal};
    case Prediction::sample: return {0, 1, 1 / noise, -signal / noise};
  }
  return {};
}

Step call_at(const SchedulerConfig& config, double timestep, double alpha) {
  const Split s = split(config.prediction, alpha);
  return {.timestep = timestep,
          .estimate_sample = s.x0_sample,
          .estimate_prediction = s.x0_prediction,
          .signal = std::sqrt(alpha),
          .noise = std::sqrt(1 - alpha)};
}

Combination keep_estimate(const SchedulerConfig& config, const Step& step, Slot to) {
  return {to, {{step.estimate_sample, Slot::sample}, {step.estimate_prediction, Slot::prediction}}, config.clip};
}

}  // namespace sumi
