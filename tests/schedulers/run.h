#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

#include "schedulers/scheduler.h"

namespace sumi::test {

using Values = std::vector<float>;

/// The guided output of a model for its scaled input at a timestep.
using ToyModel = std::function<Values(const Values& input, double timestep)>;

/// Runs schedules over plain values: each assignment is summed in double and rounded to float32 once.
class Runner {
 public:
  Runner(ToyModel model, std::function<Values()> draw) : model_(std::move(model)), draw_(std::move(draw)) {}

  void set_sample(Values sample) { slots_[Slot::sample] = std::move(sample); }
  const Values& sample() { return slots_[Slot::sample]; }

  void step(const Step& step) {
    Values input = sample();
    for (float& value : input) value = static_cast<float>(static_cast<double>(value) * step.input_scale);
    slots_[Slot::prediction] = model_(input, step.timestep);
    slots_.erase(Slot::noise);
    for (const Combination& update : step.updates) apply(update);
  }

  /// The finished sample as a step's input and the model's output for it estimate it.
  Values estimate(const Step& step) {
    Values input = sample(), out = sample();
    for (float& value : input) value = static_cast<float>(static_cast<double>(value) * step.input_scale);
    const Values prediction = model_(input, step.timestep);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<float>(step.estimate_sample * static_cast<double>(sample()[i]) +
                                  step.estimate_prediction * static_cast<double>(prediction[i]));
    }
    return out;
  }

 private:
  void apply(const Combination& update) {
    std::vector<double> sum(sample().size());
    for (const auto& term : update.terms) {
      if (term.slot == Slot::noise && !slots_.contains(Slot::noise)) slots_[Slot::noise] = draw_();
      const Values& values = slots_.at(term.slot);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += term.coefficient * static_cast<double>(values[i]);
    }
    if (update.limit) {
      for (double& value : sum) value = std::clamp(value, -*update.limit, *update.limit);
    }
    slots_[update.to] = Values(sum.begin(), sum.end());
  }

  ToyModel model_;
  std::function<Values()> draw_;
  std::map<Slot, Values> slots_;  ///< `at` throws for one that is read before it is written
};

}  // namespace sumi::test
