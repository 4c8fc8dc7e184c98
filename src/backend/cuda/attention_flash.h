#pragma once

#include "backend/cuda/device.h"
#include "ops/operations.h"

namespace sumi::cuda {

/// Appends attention on tensor cores by own kernels, for f16, for bf16 from compute capability 8.0, and for head dims
/// that are multiples of 8: "flash-mma" to 160, "flash-mma-wide" to 512. `device` outlives them.
void add_flash_attention(Operations& operations, const Device& device);

}  // namespace sumi::cuda
