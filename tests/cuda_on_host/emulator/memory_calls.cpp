// What the runtime's calls do with memory.

#include <cstdlib>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "emulator/control.h"
#include "emulator/device_memory.h"
#include "emulator/problem.h"
#include "emulator/stream.h"

using namespace cuda_on_host;

namespace cuda_on_host {
namespace {

constexpr std::size_t page = 4096;

std::map<std::byte*, std::size_t>& pinned_memory() {
  static auto& blocks = *new std::map<std::byte*, std::size_t>;
  return blocks;
}

/// -1: none fails.
int allocations_until_failure = -1;

bool allocation_fails() { return allocations_until_failure >= 0 && allocations_until_failure-- == 0; }

/// Whether memory of the host is pinned, which the device reaches by itself.
bool pinned(const void* data) {
  auto& blocks = pinned_memory();
  const auto* const at = static_cast<const std::byte*>(data);
  const auto after = blocks.upper_bound(const_cast<std::byte*>(at));
  if (after == blocks.begin()) return false;
  const auto& [first, bytes] = *std::prev(after);
  return at < first + bytes;
}

bool of_device(const void* data) { return DeviceMemory::get().owns(data); }

/// At most once more after what is queued, which may free memory.
std::byte* allocate(Runtime& runtime, std::size_t bytes) {
  if (allocation_fails()) return nullptr;
  std::byte* const data = DeviceMemory::get().allocate(bytes);
  if (data || !runtime.captures.empty()) return data;
  runtime.run_all();
  return DeviceMemory::get().allocate(bytes);
}

cudaError_t give(void** memory, std::byte* data) {
  *memory = data;
  return data ? cudaSuccess : cudaErrorMemoryAllocation;
}

void check_range(const void* data, std::size_t bytes) {
  if (!of_device(data) || DeviceMemory::get().holds(data, bytes)) return;
  throw Problem(cudaErrorIllegalAddress,
                fmt::format("a copy or filling of {} bytes from {} on", bytes, DeviceMemory::get().describe(data)));
}

bool fits(cudaMemcpyKind kind, const void* to, const void* from) {
  switch (kind) {
    case cudaMemcpyHostToHost: return !of_device(to) && !of_device(from);
    case cudaMemcpyHostToDevice: return of_device(to) && !of_device(from);
    case cudaMemcpyDeviceToHost: return !of_device(to) && of_device(from);
    case cudaMemcpyDeviceToDevice: return of_device(to) && of_device(from);
    case cudaMemcpyDefault: return true;
  }
  return false;
}

std::function<void()> copying(void* to, const void* from, std::size_t bytes) {
  return [=] {
    check_range(to, bytes);
    check_range(from, bytes);
    std::memmove(to, from, bytes);
    const std::string written = check_red_zones();
    if (!written.empty()) throw Problem(cudaErrorIllegalAddress, written);
  };
}

}  // namespace

std::string check_red_zones() { return DeviceMemory::get().check_red_zones(); }
void fail_allocation(int after) { allocations_until_failure = after; }
void set_memory_limit(std::size_t bytes) { DeviceMemory::get().set_limit(bytes); }
std::size_t live_allocations() { return DeviceMemory::get().live() + pinned_memory().size(); }
bool reachable_by_device(const void* data) { return !data || of_device(data) || pinned(data); }

}  // namespace cuda_on_host

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  return call_outside_capture([&](Runtime& runtime) { return give(memory, allocate(runtime, bytes)); });
}

cudaError_t cudaFree(void* memory) {
  return call_outside_capture([&](Runtime& runtime) {
    if (!memory) return cudaSuccess;
    runtime.run_others();
    runtime.run_all();
    const cudaError_t status = runtime.outcome();
    return DeviceMemory::get().release(memory) ? status : cudaErrorInvalidValue;
  });
}

cudaError_t cudaMallocAsync(void** memory, std::size_t bytes, cudaStream_t stream) {
  return call([&](Runtime& runtime) {
    if (!runtime.knows(stream)) return cudaErrorInvalidResourceHandle;
    if (runtime.stream(stream).capture) {
      runtime.stream(stream).capture->invalid = true;
      return cudaErrorStreamCaptureUnsupported;
    }
    return give(memory, allocate(runtime, bytes));
  });
}

cudaError_t cudaMallocFromPoolAsync(void** memory, std::size_t bytes, cudaMemPool_t, cudaStream_t stream) {
  return cudaMallocAsync(memory, bytes, stream);
}

cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream) {
  return call([&](Runtime& runtime) {
    if (!runtime.knows(stream) || !DeviceMemory::get().holds(memory, 0)) return cudaErrorInvalidValue;
    if (runtime.stream(stream).capture) {
      runtime.stream(stream).capture->invalid = true;
      return cudaErrorStreamCaptureUnsupported;
    }
    return runtime.add(runtime.stream(stream), {.run = [memory] {
                         if (!DeviceMemory::get().release(memory)) {
                           throw Problem(cudaErrorInvalidValue, "cudaFreeAsync: memory that was freed before");
                         }
                       }});
  });
}

cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  return call_outside_capture([&](Runtime&) {
    *memory = nullptr;
    if (bytes == 0) return cudaSuccess;
    void* const data = allocation_fails() ? nullptr : std::aligned_alloc(page, (bytes + page - 1) / page * page);
    if (!data) return cudaErrorMemoryAllocation;
    std::memset(data, 0xff, bytes);
    pinned_memory()[static_cast<std::byte*>(data)] = bytes;
    *memory = data;
    return cudaSuccess;
  });
}

cudaError_t cudaFreeHost(void* memory) {
  return call_outside_capture([&](Runtime& runtime) {
    if (!memory) return cudaSuccess;
    const auto found = pinned_memory().find(static_cast<std::byte*>(memory));
    if (found == pinned_memory().end()) return cudaErrorInvalidValue;
    if (runtime.accesses({found->first, found->second})) {
      runtime.report(cudaErrorInvalidValue, "pinned memory was freed while a copy that accesses it was queued");
      runtime.run_all();
    }
    std::free(memory);
    pinned_memory().erase(found);
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return call([&](Runtime&) {
    const DeviceMemory& memory = DeviceMemory::get();
    *total = memory.limit();
    *free = memory.limit() - std::min(memory.limit(), memory.in_use());
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  return call([&](Runtime& runtime) {
    if (device != 0) return cudaErrorInvalidDevice;
    *pool = reinterpret_cast<cudaMemPool_t>(&runtime);
    return cudaSuccess;
  });
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, std::size_t) { return cudaSuccess; }

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t handle) {
  return call([&](Runtime& runtime) {
    if (!runtime.knows(handle)) return cudaErrorInvalidResourceHandle;
    if (!fits(kind, to, from)) return cudaErrorInvalidValue;
    if (bytes == 0) return cudaSuccess;
    CUstream_st& stream = runtime.stream(handle);
    const bool pageable_to = !reachable_by_device(to), pageable_from = !reachable_by_device(from);
    if (stream.capture && (pageable_to || pageable_from)) {
      stream.capture->invalid = true;
      return cudaErrorStreamCaptureUnsupported;
    }
    if (pageable_from) {
      const auto* const bytes_of = static_cast<const std::byte*>(from);
      return runtime.add(stream, {.run = [=, staged = std::vector(bytes_of, bytes_of + bytes)] {
                           copying(to, staged.data(), bytes)();
                         }});
    }
    const void* const host = of_device(to) ? from : to;
    const auto* const at = static_cast<const std::byte*>(of_device(host) ? nullptr : host);
    const cudaError_t status = runtime.add(stream, {.run = copying(to, from, bytes), .host = {at, at ? bytes : 0}});
    if (status != cudaSuccess || !pageable_to) return status;
    runtime.run_others();
    runtime.run_all(stream);
    return runtime.outcome();
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return call_outside_capture([&](Runtime& runtime) {
    const cudaError_t status = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
    runtime.run_all(runtime.default_stream);
    return status == cudaSuccess ? runtime.outcome() : status;
  });
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
  return call([&](Runtime& runtime) {
    if (!runtime.knows(stream)) return cudaErrorInvalidResourceHandle;
    if (!reachable_by_device(memory)) return cudaErrorInvalidValue;
    return runtime.add(runtime.stream(stream), {.run = [=] {
                         check_range(memory, bytes);
                         std::memset(memory, value, bytes);
                       }});
  });
}
