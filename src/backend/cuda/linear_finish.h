#pragma once

#include "backend/cuda/device.h"
#include "ops/linear.h"

namespace sumi::cuda {

/// What a product without anything fused still lacks of a linear: y = act(s + bias) + residual, or gated
/// y = (v + bias) * act(g + bias) + residual. `sums` is (rows, weight_rows) of y's type.
void finish_linear(const Device& device, const LinearOp::Case& c, const LinearOp::Args& args, const std::byte* sums);

}  // namespace sumi::cuda
