#pragma once

#include <cuda_runtime.h>

namespace sumi::cuda {

constexpr int warp = 32;  // lanes of one

// All threads take part and all get the result, added up in an order that does not depend on which runs first.

/// Over the 2^k neighbours of which a lane is one, `lanes` of them.
template <class T>
__device__ __forceinline__ T warp_sum(T value, int lanes = warp) {
  for (int apart = lanes / 2; apart > 0; apart /= 2) value += __shfl_xor_sync(0xffffffffu, value, apart);
  return value;
}

/// Over a block of one row of threads, whole warps. `parts`: shared memory that no other sum of the kernel uses.
__device__ __forceinline__ float block_sum(float value, float (&parts)[warp]) {
  const int lane = threadIdx.x % warp, warps = blockDim.x / warp;
  value = warp_sum(value);
  if (lane == 0) parts[threadIdx.x / warp] = value;
  __syncthreads();
  return warp_sum(lane < warps ? parts[lane] : 0.0f);
}

/// The largest of a block, as block_sum.
__device__ __forceinline__ unsigned block_max(unsigned value, unsigned (&parts)[warp]) {
  const int lane = threadIdx.x % warp, warps = blockDim.x / warp;
  const auto warp_max = [](unsigned own) {
    for (int apart = warp / 2; apart > 0; apart /= 2) own = max(own, __shfl_xor_sync(0xffffffffu, own, apart));
    return own;
  };
  value = warp_max(value);
  if (lane == 0) parts[threadIdx.x / warp] = value;
  __syncthreads();
  return warp_max(lane < warps ? parts[lane] : 0u);
}

}  // namespace sumi::cuda
