// What the runtime's calls say of the device, of errors and of kernels.

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "emulator/control.h"
#include "emulator/device_memory.h"
#include "emulator/launch.h"
#include "emulator/problem.h"
#include "emulator/stream.h"

namespace cuda_on_host {

bool reachable_by_device(const void* data);

namespace {

// A block and a multiprocessor of compute capability 9.0.
constexpr std::size_t ordinary_shared = 48 << 10, most_shared = 227 << 10, all_shared = 228 << 10,
                      reserved_shared = 1 << 10;
constexpr int most_threads = 1024, resident_threads = 2048, resident_blocks = 32, multiprocessors = 4;
constexpr unsigned most_layers_of_threads = 64, most_rows_of_blocks = 65535, most_columns_of_blocks = 0x7fffffffu;

struct ErrorName {
  cudaError_t error;
  const char *name, *text;
};
#define CUDA_ON_HOST_ERROR(name, text) \
  ErrorName { name, #name, text }
constexpr ErrorName errors[] = {
    CUDA_ON_HOST_ERROR(cudaSuccess, "no error"),
    CUDA_ON_HOST_ERROR(cudaErrorInvalidValue, "invalid argument"),
    CUDA_ON_HOST_ERROR(cudaErrorMemoryAllocation, "out of memory"),
    CUDA_ON_HOST_ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    CUDA_ON_HOST_ERROR(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    CUDA_ON_HOST_ERROR(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
    CUDA_ON_HOST_ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    CUDA_ON_HOST_ERROR(cudaErrorInvalidDevice, "invalid device ordinal"),
    CUDA_ON_HOST_ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    CUDA_ON_HOST_ERROR(cudaErrorNotReady, "device not ready"),
    CUDA_ON_HOST_ERROR(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    CUDA_ON_HOST_ERROR(cudaErrorLaunchFailure, "unspecified launch failure"),
    CUDA_ON_HOST_ERROR(cudaErrorNotSupported, "operation not supported"),
    CUDA_ON_HOST_ERROR(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    CUDA_ON_HOST_ERROR(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    CUDA_ON_HOST_ERROR(cudaErrorStreamCaptureMerge, "operation would result in a merge of separate capture sequences"),
    CUDA_ON_HOST_ERROR(cudaErrorStreamCaptureUnmatched, "capture was not ended in the same stream as it began"),
    CUDA_ON_HOST_ERROR(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    CUDA_ON_HOST_ERROR(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream"),
    CUDA_ON_HOST_ERROR(cudaErrorCapturedEvent,
                       "operation not permitted on an event last recorded in a capturing stream"),
    CUDA_ON_HOST_ERROR(cudaErrorStreamCaptureWrongThread,
                       "attempt to terminate a thread-local capture from another thread"),
};
#undef CUDA_ON_HOST_ERROR

const ErrorName& named(cudaError_t error) {
  const auto* const found =
      std::find_if(std::begin(errors), std::end(errors), [&](const ErrorName& each) { return each.error == error; });
  static constexpr ErrorName unknown{cudaSuccess, "unknown", "unrecognized error code"};
  return found == std::end(errors) ? unknown : *found;
}

std::map<const void*, std::size_t>& shared_limits() {
  static auto& limits = *new std::map<const void*, std::size_t>;
  return limits;
}

bool launchable(const Launch& launch) {
  const dim3 grid = launch.grid, block = launch.block;
  const auto all_positive = [](dim3 size) { return size.x > 0 && size.y > 0 && size.z > 0; };
  return all_positive(grid) && all_positive(block) && grid.x <= most_columns_of_blocks &&
         grid.y <= most_rows_of_blocks && grid.z <= most_rows_of_blocks && block.x <= most_threads &&
         block.y <= most_threads && block.z <= most_layers_of_threads && block.x * block.y * block.z <= most_threads;
}

}  // namespace

cudaError_t queue_kernel(const void* kernel, Launch launch, std::initializer_list<const void*> pointers,
                         cudaStream_t stream) {
  return call([&](Runtime& runtime) {
    if (!runtime.knows(stream)) return cudaErrorInvalidResourceHandle;
    if (!launchable(launch)) return cudaErrorInvalidConfiguration;
    const auto raised = shared_limits().find(kernel);
    if (launch.shared_bytes > (raised == shared_limits().end() ? ordinary_shared : raised->second)) {
      return cudaErrorInvalidValue;
    }
    for (const void* each : pointers) {
      if (reachable_by_device(each)) continue;
      runtime.report(cudaErrorIllegalAddress, launch.name() + " got a pointer into the host's memory");
      return runtime.outcome();
    }
    return runtime.add(runtime.stream(stream), {.run = [launch = std::move(launch)] {
                         try {
                           run_kernel(launch);
                         } catch (const Problem& problem) {
                           throw Problem(problem.error, fmt::format("{}: {}", launch.name(), problem.what()));
                         }
                         const std::string written = check_red_zones();
                         if (!written.empty())
                           throw Problem(cudaErrorIllegalAddress, fmt::format("{}: {}", launch.name(), written));
                       }});
  });
}

}  // namespace cuda_on_host

using namespace cuda_on_host;

const char* cudaGetErrorName(cudaError_t error) { return named(error).name; }

const char* cudaGetErrorString(cudaError_t error) {
  const std::lock_guard lock(Runtime::get().mutex);
  const Runtime& runtime = Runtime::get();
  return error != cudaSuccess && error == runtime.problem_told ? runtime.problem_text.c_str() : named(error).text;
}

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error; }

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return call([&](Runtime&) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; });
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call([&](Runtime&) {
    if (device != 0) return cudaErrorInvalidDevice;
    *properties = {.name = "emulated",
                   .totalGlobalMem = DeviceMemory::get().limit(),
                   .sharedMemPerBlock = ordinary_shared,
                   .sharedMemPerBlockOptin = most_shared,
                   .sharedMemPerMultiprocessor = all_shared,
                   .reservedSharedMemPerBlock = reserved_shared,
                   .regsPerBlock = 65536,
                   .regsPerMultiprocessor = 65536,
                   .warpSize = warp_lanes,
                   .maxThreadsPerBlock = most_threads,
                   .maxThreadsDim = {most_threads, most_threads, most_layers_of_threads},
                   .maxGridSize = {most_columns_of_blocks, most_rows_of_blocks, most_rows_of_blocks},
                   .major = 9,
                   .minor = 0,
                   .multiProcessorCount = multiprocessors,
                   .maxThreadsPerMultiProcessor = resident_threads,
                   .maxBlocksPerMultiProcessor = resident_blocks,
                   .l2CacheSize = 4 << 20,
                   .memoryBusWidth = 64,
                   .asyncEngineCount = 1,
                   .concurrentKernels = 1,
                   .integrated = 0};
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return call([&](Runtime&) {
    if (device != 0) return cudaErrorInvalidDevice;
    const auto found = [&]() -> int {
      switch (attribute) {
        case cudaDevAttrMaxThreadsPerBlock: return most_threads;
        case cudaDevAttrMaxSharedMemoryPerBlock: return ordinary_shared;
        case cudaDevAttrWarpSize: return warp_lanes;
        case cudaDevAttrClockRate: return 1'000'000;
        case cudaDevAttrMultiProcessorCount: return multiprocessors;
        case cudaDevAttrMemoryClockRate: return 1'000'000;
        case cudaDevAttrGlobalMemoryBusWidth: return 64;
        case cudaDevAttrL2CacheSize: return 4 << 20;
        case cudaDevAttrMaxThreadsPerMultiProcessor: return resident_threads;
        case cudaDevAttrComputeCapabilityMajor: return 9;
        case cudaDevAttrComputeCapabilityMinor: return 0;
        case cudaDevAttrMaxSharedMemoryPerMultiprocessor: return all_shared;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin: return most_shared;
        case cudaDevAttrMemoryPoolsSupported: return 1;
      }
      return -1;
    }();
    *value = found;
    return found < 0 ? cudaErrorInvalidValue : cudaSuccess;
  });
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return call([&](Runtime&) {
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if (value < 0 || static_cast<std::size_t>(value) > most_shared) return cudaErrorInvalidValue;
    shared_limits()[kernel] = std::max(ordinary_shared, static_cast<std::size_t>(value));
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int threads,
                                                          std::size_t shared_bytes) {
  return call([&](Runtime&) {
    if (threads <= 0 || threads > most_threads) return cudaErrorInvalidValue;
    const auto by_shared = static_cast<int>(all_shared / (shared_bytes + reserved_shared));
    *blocks = std::min({resident_threads / threads, by_shared, resident_blocks});
    return cudaSuccess;
  });
}
