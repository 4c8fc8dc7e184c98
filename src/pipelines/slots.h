#pragma once

#include <vector>

#include "pipelines/noise.h"
#include "schedulers/schedule.h"

namespace sumi {

/// The tensors that a sampler's arithmetic works on, by slot.
class Slots {
 public:
  /// The sample, float32, is what the steps work on; what lasts beside it lies in ctx's arena.
  Slots(Context& ctx, int kept, Tensor sample);

  const Tensor& sample() const { return slots_[static_cast<std::size_t>(Slot::sample)]; }
  /// The arithmetic of a step. `noise`: drawn from once, where the step mentions it.
  void apply(Context& ctx, const Step& step, const Tensor& prediction, Noise& noise);

 private:
  Tensor& at(Slot slot) { return slots_[static_cast<std::size_t>(slot)]; }

  std::vector<Tensor> slots_;
};

}  // namespace sumi
