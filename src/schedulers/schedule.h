#pragma once

#include <optional>
#include <vector>

namespace sumi {

/// A tensor that a sampler's arithmetic reads or writes.
enum class Slot : int {
  sample,      ///< what is denoised
  prediction,  ///< the model's output at this step, guided
  noise,       ///< fresh standard normal noise, drawn once a step where a step mentions it
  kept,        ///< the first of those that last from step to step
};
constexpr Slot kept(int i) { return static_cast<Slot>(static_cast<int>(Slot::kept) + i); }

/// to = the sum of coefficient * slot over the terms, clamped to -limit..limit where there is one.
struct Combination {
  struct Term {
    double coefficient;
    Slot slot;
  };
  Slot to;
  std::vector<Term> terms;
  std::optional<double> limit = {};
};

/// One call of the model, and the arithmetic after it. Updates run in order.
struct Step {
  double timestep;         ///< what the model is given
  bool inner = false;      ///< a further call within a step: no run begins here
  double input_scale = 1;  ///< the model sees the sample times this
  std::vector<Combination> updates = {};
  /// The finished sample as this step's input and prediction estimate it: coefficients of sample and prediction.
  double estimate_sample = 0, estimate_prediction = 0;
  /// A finished sample becomes this step's input as signal * it + noise * standard normal noise.
  double signal = 1, noise = 0;
};

/// All that a sampler does in one run: data, no code.
struct Schedule {
  double initial_sigma = 1;  ///< the first sample is noise times this
  int kept = 0;              ///< slots that last
  std::vector<Step> steps;
  /// Of samplers that think in them: one a step as the user counts steps, and the one that the last step leads to.
  std::vector<double> sigmas;
};

}  // namespace sumi
