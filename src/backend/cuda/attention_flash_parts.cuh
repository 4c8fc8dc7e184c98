#pragma once

#include <cstdint>

#include "backend/cuda/attention_flash_cut.h"
#include "backend/cuda/attention_heads.cuh"
#include "backend/cuda/mma.cuh"

// What the kernels of flash attention have in common. Matrices lie in shared memory with rows `row_stride` apart.
namespace sumi::cuda::flash {

/// Weights may be up to 2^slack before a row's sums are scaled down.
constexpr float slack = 8;

/// Queues the block's copies of `rows` rows to shared memory: zeros for those from `valid` on, and for columns that
/// the head has not.
template <int rows, int head_dim, int threads, class T>
__device__ __forceinline__ void copy_rows(T* to, const T* from, int stride, int valid, int valid_columns) {
  constexpr int chunks = head_dim / 8;
  constexpr int count = rows * chunks / threads;
  static_assert(count * threads == rows * chunks);
#pragma unroll(count <= 10 ? count : 4)
  for (int each = 0; each < count; ++each) {
    const int at = each * threads + static_cast<int>(threadIdx.x);
    const int row = at / chunks, column = at % chunks * 8;
    copy_beside(to + row * row_stride(head_dim) + column, from + (row * stride + column),
                row < valid && column < valid_columns);
  }
}

/// Writes rows of shared memory to y, which are `stride` apart there, 16 bytes a thread at a time.
template <int rows, int head_dim, int threads, class T>
__device__ __forceinline__ void write_rows(T* to, const T* from, int stride, int valid, int valid_columns) {
  constexpr int chunks = head_dim / 8;
  for (int at = static_cast<int>(threadIdx.x) % threads; at < rows * chunks; at += threads) {
    const int row = at / chunks, column = at % chunks * 8;
    if (row < valid && column < valid_columns) {
      *reinterpret_cast<uint4*>(to + static_cast<std::int64_t>(row) * stride + column) =
          *reinterpret_cast<const uint4*>(from + row * row_stride(head_dim) + column);
    }
  }
}

/// Where a lane's row of 16 x 16 elements begins, for load_matrices: a product's left operand. The same rows loaded
/// transposed are the right operand where these go along the sum.
__device__ __forceinline__ int left_operand(int stride) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  return lane % 16 * stride + lane / 16 * 8;
}

/// The same for the right operands of two products, each of whose columns is a row: 2 x 8 keys for 16 of the head dim.
__device__ __forceinline__ int right_operand(int stride) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  return (lane % 8 + lane / 16 * 8) * stride + lane / 8 % 2 * 8;
}

/// Folds what the four lanes have that share a row.
__device__ __forceinline__ float most_of_four(float x) {
  x = fmaxf(x, __shfl_xor_sync(~0u, x, 1));
  return fmaxf(x, __shfl_xor_sync(~0u, x, 2));
}
__device__ __forceinline__ float sum_of_four(float x) {
  x += __shfl_xor_sync(~0u, x, 1);
  return x + __shfl_xor_sync(~0u, x, 2);
}

/// -inf for what is not seen of 16 rows' scores of 8 keys: row r sees keys below `seen` + r and below `limit`.
__device__ __forceinline__ void mask(float (&scores)[4], int seen, int limit) {
  const int lane = static_cast<int>(threadIdx.x % 32), g = lane / 4, t = lane % 4;
#pragma unroll
  for (int w = 0; w < 4; ++w) {
    const int key = 2 * t + w % 2, row = 8 * (w / 2) + g;
    if (key >= limit || key >= seen + row) scores[w] = -INFINITY;
  }
}

}  // namespace sumi::cuda::flash
