#include <cuda_runtime.h>

#include "backend/cuda/cuda.h"
#include "backend/cuda/libraries.h"
#include "core/check.h"

namespace sumi {
namespace {

/// "13.0" of 13000.
std::string release(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

std::string describe_driver() {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return "none: install NVIDIA's driver (nvidia-smi then shows the GPU)";
  if (driver / 1000 < runtime / 1000) {
    return fmt::format("for CUDA {}: too old, this program needs one for CUDA {}", release(driver), release(runtime));
  }
  return fmt::format("for CUDA {}; built with {}", release(driver), release(runtime));
}

std::string describe_device(int ordinal) {
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, ordinal) != cudaSuccess) return "cannot be asked";
  return fmt::format("{}, compute capability {}.{}, {} multiprocessors, {:.1f} GiB", properties.name, properties.major,
                     properties.minor, properties.multiProcessorCount,
                     static_cast<double>(properties.totalGlobalMem) / static_cast<double>(1u << 30));
}

}  // namespace

int cuda_devices() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) == cudaSuccess) return devices;
  cudaGetLastError();
  return 0;
}

std::vector<std::pair<std::string, std::string>> describe_cuda() {
  std::vector<std::pair<std::string, std::string>> rows{{"driver", describe_driver()}};
  const int devices = cuda_devices();
  for (int i = 0; i < devices; ++i) rows.emplace_back(fmt::format("cuda:{}", i), describe_device(i));
  if (devices == 0) rows.emplace_back("devices", "none");
  for (auto& row : cuda::describe_libraries()) rows.push_back(std::move(row));
  return rows;
}

}  // namespace sumi
