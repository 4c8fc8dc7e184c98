#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backend/cuda/device.h"
#include "ops/operations.h"

namespace sumi::cuda {

/// Appends what NVIDIA's libraries compute: cuDNN's convolutions and attention, cuBLASLt's linears. Where a library is
/// not on this machine its implementations decline everything and say what is missing. `device` outlives them.
void add_libraries(Operations& operations, const Device& device);

/// Each library with its version and file, or with what to do where it is missing.
std::vector<std::pair<std::string, std::string>> describe_libraries();

}  // namespace sumi::cuda
