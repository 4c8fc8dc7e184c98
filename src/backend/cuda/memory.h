#pragma once

#include <cuda_runtime.h>
#include <memory>

#include "backend/cuda/device.h"
#include "backend/cuda/status.h"

namespace sumi::cuda {

struct FreePinned {
  void operator()(std::byte* memory) const { cudaFreeHost(memory); }
};
/// Memory of the host that the device reaches by itself.
using Pinned = std::unique_ptr<std::byte, FreePinned>;

inline Pinned allocate_pinned(std::size_t bytes) {
  void* memory = nullptr;
  check_cuda(cudaMallocHost(&memory, bytes), "pinned memory of the host");
  return Pinned(static_cast<std::byte*>(memory));
}

struct FreeDevice {
  void operator()(std::byte* memory) const { cudaFree(memory); }
};
/// Memory of the device outside of its pool: it waits for the device as it is given back, and is then free for all.
using DeviceMemory = std::unique_ptr<std::byte, FreeDevice>;

/// Null for no bytes.
inline DeviceMemory allocate_device(const Device& device, std::size_t bytes) {
  if (bytes == 0) return nullptr;
  device.use();
  void* memory = nullptr;
  check_cuda(cudaMalloc(&memory, bytes), fmt::format("{} bytes of device memory", bytes));
  return DeviceMemory(static_cast<std::byte*>(memory));
}

}  // namespace sumi::cuda
