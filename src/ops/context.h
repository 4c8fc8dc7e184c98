#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "core/trace.h"
#include "ops/backend.h"
#include "ops/rounding.h"

namespace sumi {

/// What an op needs besides its tensors. One per run, passed down from the pipeline.
struct Context {
  Backend& backend;
  Arena& arena;                             ///< activations: gone when the tensor is
  DType type = DType::f32;                  ///< of activations: f32, bf16 or f16
  Rounding rounding = Rounding::none;       ///< of the linears that may (Linear::may_round)
  Need need = Need::once;                   ///< of the weights: often where the same is computed in every step
  Trace* trace = nullptr;                   ///< records phases, layers and ops when set
  const std::atomic<bool>* stop = nullptr;  ///< a true value ends the run with Error(cancelled) before the next op
  double flops = 0;                         ///< multiplications and additions of all ops so far, the same dry or not
  double factor_flops = 0;                  ///< of these, by factors beside weights

  Tensor tensor(Shape shape, DType dtype) { return {arena, shape, dtype}; }
  Tensor tensor(Shape shape) { return {arena, shape, type}; }
  /// Host values as a float32 tensor of the device.
  Tensor upload(std::span<const float> values, Shape shape);
  Tensor upload(std::span<const std::int32_t> values, Shape shape);
  /// A contiguous tensor of any float type as float32 on the host; zeros in a dry run.
  std::vector<float> download(const Tensor& tensor);
};

}  // namespace sumi
