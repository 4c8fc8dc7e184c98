#pragma once

#include <cuda_runtime.h>

namespace sumi::cuda {

constexpr int warp = 32;  // lanes of one

// All threads take part and all get the result, in an order that does not depend on which runs first.

/// Over the 2^k neighbours of which a lane is one, `lanes` of them.
template <class T>
__device__ __forceinline__ T warp_sum(T value, int lanes = warp) {
  for (int apart = lanes / 2; apart > 0; apart /= 2) value += __shfl_xor_sync(0xffffffffu, value, apart);
  return value;
}

/// Over a block of one row of threads, whole warps, what `over_warp` gives over a warp, of which 0 changes nothing.
/// `parts`: shared memory that no other such call of the kernel uses.
template <class T, class OverWarp>
__device__ __forceinline__ T over_block(T value, T (&parts)[warp], OverWarp over_warp) {
  const int lane = threadIdx.x % warp, warps = blockDim.x / warp;
  value = over_warp(value);
  if (lane == 0) parts[threadIdx.x / warp] = value;
  __syncthreads();
  return over_warp(lane < warps ? parts[lane] : T{0});
}
__device__ __forceinline__ float block_sum(float value, float (&parts)[warp]) {
  return over_block(value, parts, [](float own) { return warp_sum(own); });
}
__device__ __forceinline__ unsigned block_max(unsigned value, unsigned (&parts)[warp]) {
  return over_block(value, parts, [](unsigned own) {
    for (int apart = warp / 2; apart > 0; apart /= 2) own = max(own, __shfl_xor_sync(0xffffffffu, own, apart));
    return own;
  });
}

}  // namespace sumi::cuda
