#pragma once

#include <cstdint>
#include <cuda_runtime.h>

namespace sumi::cuda {

/// Shared memory that a block gets without asking for more.
constexpr std::size_t ordinary_shared_bytes = 48 << 10;

/// Blocks of `threads` for `count` elements of `each` a thread, at most so many that a loop over the grid is as fast.
inline dim3 blocks_for(std::int64_t count, int threads, int each = 1) {
  const std::int64_t per_block = static_cast<std::int64_t>(threads) * each;
  constexpr std::int64_t most = 132 * 32;  // multiprocessors of the largest device, times blocks that one keeps
  const std::int64_t blocks = (count + per_block - 1) / per_block;
  return {static_cast<unsigned>(blocks < most ? blocks : most)};
}

}  // namespace sumi::cuda
