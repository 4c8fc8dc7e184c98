#pragma once

#include <cstddef>

// How flash attention cuts a case, for those who choose and for the kernel: attention_flash_kernel.cuh.
namespace sumi::cuda::flash {

constexpr int warps = 4, threads = 32 * warps;

/// The widest head whose sums a warp's registers hold.
constexpr int widest_head = 160;

struct Cut {
  int head_dim;  ///< rounded up to what there is a kernel for
  int tiles;     ///< of 16 queries, for each warp
  int stages;    ///< tiles of keys and values that shared memory holds: 1, or 2 to copy the next beside computing
};

/// Elements from one row of shared memory to the next: 16 bytes more than it has. As an odd number of 16 bytes it puts
/// any eight rows in a line on different banks, for every head dim; swizzling does so for powers of two.
constexpr int row_stride(int head_dim) { return head_dim + 8; }

/// Keys of a tile. 32 of the wider heads leave registers for their sums, and shared memory for a second block.
constexpr int keys_of_tile(int head_dim) { return head_dim <= 80 ? 64 : 32; }

constexpr int queries_of_block(const Cut& cut) { return 16 * cut.tiles * warps; }

constexpr std::size_t shared_bytes(const Cut& cut) {
  const int rows = queries_of_block(cut) + 2 * cut.stages * keys_of_tile(cut.head_dim);
  return static_cast<std::size_t>(rows * row_stride(cut.head_dim)) * 2;
}

/// Heads up to 512 wide, as autoencoders have them: attention_flash_wide.cu.
namespace wide {

constexpr int head_dim = 512, queries = 64, warps = 8, threads = 32 * warps;

constexpr std::size_t shared_bytes(int keys_of_tile) {
  const int rows = queries + 2 * keys_of_tile, weights = queries * row_stride(keys_of_tile);
  return static_cast<std::size_t>(rows * row_stride(head_dim) + weights) * 2 + 2 * queries * sizeof(float);
}

}  // namespace wide
}  // namespace sumi::cuda::flash
