#pragma once

#include <cstddef>

namespace sumi::cuda {

/// What begins at a multiple of it suits all kernels and libraries, as memory from cudaMalloc does.
constexpr std::size_t alignment = 256;

/// The next multiple.
constexpr std::size_t aligned(std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

}  // namespace sumi::cuda
