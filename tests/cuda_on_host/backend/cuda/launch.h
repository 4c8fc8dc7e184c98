#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include "backend/cuda/blocks.h"
#include "backend/cuda/status.h"
#include "emulator/launch.h"

// Stands for src/backend/cuda/launch.h: has its functions, and keeps the types of a kernel's arguments.
namespace sumi::cuda {

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), cuda_on_host::Grid grid, dim3 block, std::size_t shared_bytes,
            cudaStream_t stream, const Arguments&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments));
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "arguments are copied as bytes");
  static_assert((0 + ... + sizeof(Parameters)) <= 4096, "the most that all architectures pass");
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  const void* const address = reinterpret_cast<const void*>(kernel);
  if (shared_bytes > ordinary_shared_bytes) {
    check_cuda(
        cudaFuncSetAttribute(address, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)),
        "shared memory of a kernel");
  }
  const std::tuple<std::remove_const_t<Parameters>...> values(static_cast<Parameters>(arguments)...);
  const auto pointer = [](const auto& value) -> const void* {
    if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(value)>>) return value;
    return nullptr;
  };
  std::apply(
      [&](const auto&... each) {
        check_cuda(cuda_on_host::queue_kernel(
                       address, {grid, block, shared_bytes, [kernel, values] { std::apply(kernel, values); }},
                       {pointer(each)...}, stream),
                   "launch of a kernel");
      },
      values);
}

template <class T>
T* dynamic_shared() {
  return static_cast<T*>(cuda_on_host::shared_memory_of_block());
}

}  // namespace sumi::cuda
