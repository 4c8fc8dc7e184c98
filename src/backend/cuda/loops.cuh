#pragma once

#include <algorithm>
#include <limits>

#include "backend/cuda/launch.h"

namespace sumi::cuda {

// Which elements a thread of a memory-bound kernel gets. One access of 16 bytes a thread keeps 32 KiB of a full
// multiprocessor under way, and 20 KiB cover the memory's latency at an H100's 3.35 TB/s (Little's law, 700 ns).

constexpr int loop_threads = 256;

/// Calls body(i) for this thread's share of 0..count-1, in a grid of `blocks_for(count, loop_threads)`.
template <class Body>
__device__ __forceinline__ void for_each_of_grid(std::int64_t count, Body body) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
    body(i);
  }
}

/// Short rows stand side by side in a block, long ones are cut evenly.
struct RowGrid {
  dim3 grid, block;

  RowGrid(std::int64_t rows, std::int64_t columns) {
    check(rows <= std::numeric_limits<std::int32_t>::max() && columns <= std::numeric_limits<std::int32_t>::max(),
          ErrorCode::unsupported, "cuda: {} rows of {} elements are too many for a kernel", rows, columns);
    const std::int64_t parts = std::max<std::int64_t>((columns + loop_threads - 1) / loop_threads, 1);
    const std::int64_t across = std::max<std::int64_t>((columns + parts - 1) / parts, 1);
    const std::int64_t down = std::clamp<std::int64_t>(loop_threads / across, 1, std::max<std::int64_t>(rows, 1));
    block = dim3(static_cast<unsigned>(across), static_cast<unsigned>(down));
    grid = blocks_for(rows, static_cast<int>(down));
  }
};

/// Calls body(row, column) for this thread's share of a matrix, in a RowGrid of these extents.
template <class Body>
__device__ __forceinline__ void for_each_of_rows(std::int64_t rows, std::int64_t columns, Body body) {
  const auto last_row = static_cast<unsigned>(rows), last_column = static_cast<unsigned>(columns);
  for (unsigned row = blockIdx.x * blockDim.y + threadIdx.y; row < last_row; row += gridDim.x * blockDim.y) {
    for (unsigned column = threadIdx.x; column < last_column; column += blockDim.x) body(row, column);
  }
}

}  // namespace sumi::cuda
