#pragma once

#include "backend/cuda/device.h"
#include "ops/conv2d.h"

namespace sumi::cuda {

/// What a convolution without anything fused still lacks: y = act(s + bias + row) + residual. `sums` is like y, but of
/// x's type, and may be y.
void finish_conv2d(const Device& device, const Conv2dOp::Case& c, const Conv2dOp::Args& args, const std::byte* sums);

}  // namespace sumi::cuda
