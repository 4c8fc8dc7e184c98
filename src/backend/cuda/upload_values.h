#pragma once

#include <span>

#include "backend/cuda/device.h"

namespace sumi::cuda {

/// So many bytes travel as a kernel's parameter, of 4 KiB in all: no copy, nothing to wait for, and part of a
/// recording.
constexpr std::size_t most_parameter_bytes = 3968;

/// Writes at most `most_parameter_bytes` bytes at `to`, a multiple of 4 both.
void upload_values(const Device& device, std::span<const std::byte> from, std::byte* to);

}  // namespace sumi::cuda
