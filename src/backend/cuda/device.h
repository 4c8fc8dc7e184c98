#pragma once

#include <cuda_runtime.h>

#include "core/dtype.h"

namespace sumi::cuda {

/// A GPU with the one stream that all its work is queued on, in the order of the calls.
class Device {
 public:
  /// Error(unsupported) where there is no driver or no such device, with what is missing.
  Device(int ordinal, bool tf32);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

  /// Makes it the calling thread's device; before any call that queues work.
  void use() const;
  /// Waits for everything queued.
  void finish() const;

  int ordinal() const { return ordinal_; }
  cudaStream_t stream() const { return stream_; }
  const cudaDeviceProp& properties() const { return properties_; }
  /// 90 for compute capability 9.0.
  int capability() const { return 10 * properties_.major + properties_.minor; }
  bool multiplies_bf16() const { return capability() >= 80; }
  /// With a step for each row of both factors.
  bool multiplies_fp8() const { return capability() >= 90; }
  int processors() const { return properties_.multiProcessorCount; }
  /// By the data sheet: what its multiprocessors do in a cycle, dense, at the boost clock.
  double peak_gflops(DType type) const;
  /// Of all programs on the device.
  std::size_t bytes_in_use() const;
  /// Whether products of float32 may be rounded to tf32.
  bool tf32() const { return tf32_; }

 private:
  int ordinal_;
  bool tf32_;
  cudaDeviceProp properties_{};
  cudaStream_t stream_ = nullptr;
};

}  // namespace sumi::cuda
