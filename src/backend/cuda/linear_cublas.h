#pragma once

#include <memory>

#include "backend/cuda/device.h"
#include "backend/cuda/plan_file.h"
#include "ops/operations.h"

namespace sumi::cuda {

/// Appends cuBLASLt's products for linears, called "cublas"; where the library is missing it says so and takes nothing.
/// What it tries is kept in `plans`. `device` outlives it.
void add_cublas(Operations& operations, const Device& device, std::shared_ptr<PlanFile> plans);

}  // namespace sumi::cuda
