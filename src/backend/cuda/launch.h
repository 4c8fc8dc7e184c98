#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "backend/cuda/blocks.h"
#include "backend/cuda/status.h"

namespace sumi::cuda {

/// Queues a kernel on the stream. `shared_bytes`: of `dynamic_shared`. Nothing to do where the grid is empty.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
            const Arguments&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments));
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  if (shared_bytes > ordinary_shared_bytes) {
    check_cuda(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shared_bytes)),
               "shared memory of a kernel");
  }
  const auto queue = [&](Parameters... values) {
    std::array<void*, sizeof...(Parameters)> addresses{const_cast<void*>(static_cast<const void*>(&values))...};
    check_cuda(
        cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, addresses.data(), shared_bytes, stream),
        "launch of a kernel");
  };
  queue(static_cast<Parameters>(arguments)...);
}

#ifdef __CUDACC__
/// The block's shared memory that its launch asked for.
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(128) std::byte shared_bytes_of_block[];
  return reinterpret_cast<T*>(shared_bytes_of_block);
}
#endif

}  // namespace sumi::cuda
