#pragma once

#include "backend/cuda/device.h"
#include "ops/operations.h"

namespace sumi::cuda {

/// Appends the plain kernel of every op (kernels.h), called "plain": the last of the lists. `device` outlives them.
void add_plain(Operations& operations, const Device& device);

}  // namespace sumi::cuda
