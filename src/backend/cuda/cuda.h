#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ops/backend.h"

namespace sumi {

struct CudaOptions {
  int ordinal = 0;    ///< which of the machine's devices, as nvidia-smi and CUDA_VISIBLE_DEVICES number them
  bool tf32 = false;  ///< products of float32 tensors round their factors to 10 bits
  /// Bytes that weights and activations take on the device at most; 0: no limit. Weights that have no room there come
  /// from pinned memory of the host as they are needed.
  std::size_t memory = 0;
};

/// An NVIDIA GPU: cuDNN for convolutions, cuBLASLt for linears, own kernels for the rest, and plain kernels last.
/// Prefers f16. Error(unsupported) where this build has no CUDA, or the machine no driver or no such device;
/// Error(unsupported) for tf32 on devices before compute capability 8.0.
std::unique_ptr<Backend> make_cuda_backend(const CudaOptions& options = {});

/// What this machine has and how Sumi uses it, for people: driver, devices, libraries, and what is missing.
std::vector<std::pair<std::string, std::string>> describe_cuda();

/// Number of devices that this build can use; 0 where anything it takes is missing.
int cuda_devices();

}  // namespace sumi
