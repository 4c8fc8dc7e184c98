#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backend/cuda/launch.h"
#include "backend/cuda/mma.cuh"
#include "emulator/control.h"
#include "emulator/copies.h"
#include "emulator/sanitizer.h"

namespace sumi::cuda {
namespace {

/// A stream, and device memory that is given back with it.
class Emulation : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess); }
  void TearDown() override {
    for (void* each : memory_) EXPECT_EQ(cudaFreeAsync(each, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
    EXPECT_EQ(cuda_on_host::live_allocations(), 0u);
    EXPECT_EQ(cuda_on_host::queued_items(), 0u);
    cudaGetLastError();
  }

  template <class T>
  T* device(std::size_t count) {
    void* memory = nullptr;
    EXPECT_EQ(cudaMallocAsync(&memory, count * sizeof(T), stream), cudaSuccess);
    memory_.push_back(memory);
    return static_cast<T*>(memory);
  }
  template <class T>
  T* device(const std::vector<T>& values) {
    T* const memory = device<T>(values.size());
    EXPECT_EQ(cudaMemcpyAsync(memory, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice, stream),
              cudaSuccess);
    return memory;
  }
  template <class T>
  std::vector<T> host(const T* memory, std::size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(cudaMemcpyAsync(values.data(), memory, count * sizeof(T), cudaMemcpyDeviceToHost, stream), cudaSuccess);
    return values;
  }

  cudaStream_t stream = nullptr;

 private:
  std::vector<void*> memory_;
};

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

::testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << part << "' is not in '" << text << "'";
}

__global__ void sum_of_block(const int* x, int* sums) {
  __shared__ int parts[256];
  parts[threadIdx.x] = x[blockIdx.x * blockDim.x + threadIdx.x];
  for (unsigned step = blockDim.x / 2; step > 0; step /= 2) {
    __syncthreads();
    if (threadIdx.x < step) parts[threadIdx.x] += parts[threadIdx.x + step];
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = parts[0];
}

TEST_F(Emulation, BlocksAddUpInSharedMemory) {
  std::vector<int> x(5 * 256);
  std::iota(x.begin(), x.end(), 1);
  for (int turn = 0; turn < 2; ++turn) {  // in both orders
    int* const sums = device<int>(5);
    launch(sum_of_block, 5, 256, 0, stream, device(x), sums);
    const auto found = host(sums, 5);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(found[i], 256 * (256 * i + 1) + 255 * 128);
  }
}

/// Reads what a neighbour wrote, without a barrier.
__global__ void read_neighbour(int* y, int step) {
  int* const shared = dynamic_shared<int>();
  const int i = static_cast<int>(threadIdx.x), last = static_cast<int>(blockDim.x) - 1;
  shared[i] = i;
  y[i] = shared[min(max(i + step, 0), last)];
}

TEST_F(Emulation, AMissingBarrierIsSeenInOneOfTheOrders) {
  if (std::getenv("CUDA_ON_HOST_ORDER")) GTEST_SKIP() << "one order was asked for";
  for (const int step : {1, -1}) {
    int right = 0;
    for (int turn = 0; turn < 2; ++turn) {
      int* const y = device<int>(64);
      launch(read_neighbour, 1, 64, 64 * sizeof(int), stream, y, step);
      const auto found = host(y, 64);
      right += std::count(found.begin(), found.end(), -1) == 0;
    }
    EXPECT_EQ(right, 1) << step;
  }
}

__global__ void shuffles(int* y) {
  const int l = static_cast<int>(threadIdx.x);
  y[l] = __shfl_sync(~0u, l, 5);
  y[32 + l] = __shfl_sync(~0u, l, 2, 8);
  y[64 + l] = __shfl_up_sync(~0u, l, 3);
  y[96 + l] = __shfl_down_sync(~0u, l, 3, 16);
  y[128 + l] = __shfl_xor_sync(~0u, l, 17);
  y[160 + l] = static_cast<int>(__shfl_xor_sync(~0u, 0.5f + static_cast<float>(l), 1) * 2);
  y[192 + l] = static_cast<int>(__ballot_sync(~0u, l % 3 == 0) >> 1);
  y[224 + l] = __any_sync(~0u, l == 7) * 2 + __all_sync(~0u, l < 31);
  // Halves of a warp that do different things.
  const unsigned half = l < 16 ? 0xffffu : 0xffff0000u;
  int sum = l;
  for (int i = 0; i < (l < 16 ? 1 : 4); ++i) sum += __shfl_xor_sync(half, sum, 1 << i);
  y[256 + l] = sum + __shfl_sync(~0u, sum, 31);
}

TEST_F(Emulation, Shuffles) {
  int* const y = device<int>(288);
  launch(shuffles, 1, 32, 0, stream, y);
  const auto found = host(y, 288);
  for (int l = 0; l < 32; ++l) {
    EXPECT_EQ(found[l], 5);
    EXPECT_EQ(found[32 + l], l / 8 * 8 + 2);
    EXPECT_EQ(found[64 + l], l < 3 ? l : l - 3);
    EXPECT_EQ(found[96 + l], l % 16 > 12 ? l : l + 3);
    EXPECT_EQ(found[128 + l], l ^ 17);
    EXPECT_EQ(found[160 + l], 2 * (l ^ 1) + 1);
    EXPECT_EQ(found[192 + l], 0x49249249 >> 1);
    EXPECT_EQ(found[224 + l], 2);
    const int upper = (16 + 31) * 8;
    EXPECT_EQ(found[256 + l], upper + (l < 16 ? l + (l ^ 1) : upper));
  }
}

__global__ void count_votes(int* y, int active) {
  if (static_cast<int>(threadIdx.x) >= active) return;
  const int odd = threadIdx.x % 2;
  const int count = __syncthreads_count(odd), any = __syncthreads_or(threadIdx.x == 40),
            all = __syncthreads_and(static_cast<int>(threadIdx.x) < active);
  y[threadIdx.x] = 100 * count + 10 * (any != 0) + (all != 0);
}

TEST_F(Emulation, ThreadsThatReturnedAreNotWaitedFor) {
  int* const y = device<int>(100);
  launch(count_votes, 1, 100, 0, stream, y, 50);
  const auto found = host(y, 100);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(found[i], 100 * 25 + 10 + 1);
  for (int i = 50; i < 100; ++i) EXPECT_EQ(found[i], -1);
}

__global__ void wait_for_ever(int kind) {
  const unsigned l = threadIdx.x;
  if (kind == 0 && l == 3) __syncwarp();
  if (kind == 1 && l < 16) __shfl_sync(0xffffu << l / 8, l, 0);
  if (kind == 2) l % 2 ? static_cast<int>(__ballot_sync(~0u, 1)) : __shfl_sync(~0u, 1, 0);
  if (kind == 3) __shfl_sync(1u, 1, 0);
  if (kind == 4 && l == 9) __trap();
  __syncthreads();
}

TEST_F(Emulation, DeadlocksAndTrapsAreToldWithTheirKernel) {
  const std::vector<std::string> texts[] = {
      {"deadlock: ", "thread (0, 0, 0) of block (0, 0, 0) waits at __syncthreads", "thread (3, 0, 0) of block"},
      {"deadlock: ", "waits for lanes 0xffff of its warp"},
      {"of block (0, 0, 0) does something else than lanes it waits for"},
      {"is not in its mask 0x1, in thread"},
      {"__trap, in thread (9, 0, 0) of block (0, 0, 0)"}};
  for (int kind = 0; kind < 5; ++kind) {
    launch(wait_for_ever, 1, 64, 0, stream, kind);
    const cudaError_t status = cudaStreamSynchronize(stream);
    EXPECT_EQ(status, cudaErrorLaunchFailure);
    const std::string text = cudaGetErrorString(status);
    EXPECT_TRUE(contains(text, "emulation_test.cpp:"));
    for (const std::string& each : texts[kind]) EXPECT_TRUE(contains(text, each));
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  }
}

__global__ void add_one(int* y, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) y[i] += 1;
}

/// With the sanitizer the process dies where the others find what was written.
template <class Run>
void expect_out_of_bounds(const Run& run_and_wait, const char* text) {
  if constexpr (cuda_on_host::address_sanitizer) {
    EXPECT_DEATH(run_and_wait(), "AddressSanitizer");
  } else {
    const cudaError_t status = run_and_wait();
    EXPECT_EQ(status, cudaErrorIllegalAddress);
    EXPECT_TRUE(contains(cudaGetErrorString(status), text));
  }
}

TEST_F(Emulation, WritesBesideAllocationsAreFound) {
  int* const y = device<int>(5);
  const auto add = [&](int offset, int count) {
    launch(add_one, 1, 32, 0, stream, y + offset, count);
    return cudaStreamSynchronize(stream);
  };
  expect_out_of_bounds([&] { return add(0, 6); }, "4 bytes written from byte 20 of an allocation of 20 bytes");
  expect_out_of_bounds([&] { return add(-3, 2); }, "8 bytes written from byte -12 of an allocation of 20 bytes");
  EXPECT_EQ(cudaMemsetAsync(y, 0, 21, stream), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorIllegalAddress);
  EXPECT_EQ(cuda_on_host::check_red_zones(), "");
}

__global__ void write_shared(int at) { dynamic_shared<char>()[at] = 1; }

TEST_F(Emulation, WritesBehindSharedMemoryAreFound) {
  launch(write_shared, 1, 1, 1024, stream, 1023);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  expect_out_of_bounds(
      [&] {
        launch(write_shared, 1, 1, 1024, stream, 1024);
        return cudaStreamSynchronize(stream);
      },
      "byte 1024 of 1024 bytes of shared memory written");
}

using EmulationDeathTest = Emulation;

TEST_F(EmulationDeathTest, TheHostMustNotTouchMemoryOfTheDevice) {
  int* const y = device<int>(5);
  EXPECT_DEATH(static_cast<volatile int*>(y)[1] = 1, "host's code touched byte 4 of an allocation of 20 bytes");
  EXPECT_DEATH(static_cast<void>(static_cast<volatile int*>(y)[0]), "host's code touched byte 0");
}

TEST_F(EmulationDeathTest, KernelsMustNotTouchFreedMemory) {
  void* y = nullptr;
  ASSERT_EQ(cudaMalloc(&y, 20), cudaSuccess);
  ASSERT_EQ(cudaFree(y), cudaSuccess);
  const auto use_freed = [&] {
    launch(add_one, 1, 32, 0, stream, static_cast<int*>(y), 1);
    cudaStreamSynchronize(stream);
  };
  EXPECT_DEATH(use_freed(), "emulation_test.cpp.*thread \\(0, 0, 0\\).* touched memory that is not");
  void* again = nullptr;
  ASSERT_EQ(cudaMalloc(&again, 20), cudaSuccess);
  EXPECT_NE(again, y);
  launch(add_one, 1, 32, 0, stream, static_cast<int*>(again), 1);
  ASSERT_EQ(cudaFreeAsync(again, stream), cudaSuccess);
}

TEST_F(Emulation, AKernelGetsNoMemoryOfTheHost) {
  int y = 0;
  EXPECT_THROW(launch(add_one, 1, 32, 0, stream, &y, 1), Error);
}

TEST_F(Emulation, LaunchesThatTheDeviceRefuses) {
  const auto status = [&](dim3 grid, dim3 block, std::size_t shared_bytes) {
    return error_of([&] { launch(add_one, grid, block, shared_bytes, stream, static_cast<int*>(nullptr), 0); });
  };
  EXPECT_EQ(status({1}, {1024}, 227 << 10), "");
  for (const std::string& text : {status({1}, {1025}, 0), status({1}, {32, 33}, 0), status({1}, {1, 1, 65}, 0),
                                  status({1}, {0}, 0), status({1, 65536}, {1}, 0), status({1, 1, 65536}, {1}, 0)}) {
    EXPECT_TRUE(contains(text, "cudaErrorInvalidConfiguration"));
  }
  EXPECT_TRUE(contains(status({1}, {1}, (227 << 10) + 1), "cudaErrorInvalidValue"));
  const std::size_t queued = cuda_on_host::queued_items();
  EXPECT_EQ(status({0}, {1}, 0), "");
  EXPECT_EQ(cuda_on_host::queued_items(), queued);
}

TEST_F(Emulation, WorkWaitsUntilSomebodyWaitsForIt) {
  int* const y = device(std::vector{1, 2, 3});
  const std::size_t before = cuda_on_host::kernels_run();
  launch(add_one, 1, 32, 0, stream, y, 3);
  EXPECT_EQ(cuda_on_host::kernels_run(), before);
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event), cudaSuccess) << "never recorded";
  ASSERT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  launch(add_one, 1, 32, 0, stream, y, 3);
  int queries = 1;
  while (cudaEventQuery(event) == cudaErrorNotReady) ++queries;
  EXPECT_EQ(queries, 3) << "the copy, the kernel, the event";
  EXPECT_EQ(cuda_on_host::kernels_run(), before + 1);
  EXPECT_EQ(host(y, 3), (std::vector{3, 4, 5}));
  EXPECT_EQ(cuda_on_host::kernels_run(), before + 2);
  ASSERT_EQ(cudaEventDestroy(event), cudaSuccess);
}

TEST_F(Emulation, PinnedMemoryIsReadWhenTheCopyRuns) {
  void* memory = nullptr;
  ASSERT_EQ(cudaMallocHost(&memory, sizeof(int)), cudaSuccess);
  int& pinned = *static_cast<int*>(memory);
  int pageable = 1;
  pinned = 1;
  int* const y = device<int>(2);
  ASSERT_EQ(cudaMemcpyAsync(y, &pinned, sizeof(int), cudaMemcpyHostToDevice, stream), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(y + 1, &pageable, sizeof(int), cudaMemcpyHostToDevice, stream), cudaSuccess);
  pinned = pageable = 2;
  EXPECT_EQ(host(y, 2), (std::vector{2, 1}));

  ASSERT_EQ(cudaMemcpyAsync(&pinned, y + 1, sizeof(int), cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_EQ(pinned, 2);
  EXPECT_EQ(cudaFreeHost(memory), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidValue) << "freed too early";
}

TEST_F(Emulation, StreamsWaitForEachOtherByEventsAlone) {
  cudaStream_t other = nullptr;
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  int* const y = device(std::vector{1});
  launch(add_one, 1, 32, 0, stream, y, 1);
  const auto seen_by_other = [&] {
    int value = 0;
    EXPECT_EQ(cudaMemcpyAsync(&value, y, sizeof(int), cudaMemcpyDeviceToHost, other), cudaSuccess);
    return value;
  };
  EXPECT_EQ(seen_by_other(), -1) << "as it was allocated";
  ASSERT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  launch(add_one, 1, 32, 0, stream, y, 1);
  ASSERT_EQ(cudaStreamWaitEvent(other, event), cudaSuccess);
  EXPECT_EQ(seen_by_other(), 2);
  EXPECT_EQ(host(y, 1), std::vector{3});
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
}

TEST_F(Emulation, ACaptureRunsNothingUntilItIsLaunched) {
  int* const y = device(std::vector{1, 2, 3});
  int one = 2;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  launch(add_one, 1, 32, 0, stream, y, one);
  launch(add_one, 1, 32, 0, stream, y, 1);
  one = 0;  // arguments were copied
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  std::size_t nodes = 0;
  EXPECT_EQ(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
  EXPECT_EQ(nodes, 2u);
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  ASSERT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(host(y, 3), (std::vector{1, 2, 3}));
  for (int i = 0; i < 2; ++i) ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  EXPECT_EQ(host(y, 3), (std::vector{5, 4, 3}));

  ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  ASSERT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidValue) << "destroyed while queued";
}

TEST_F(Emulation, WhatACaptureForbidsInvalidatesIt) {
  int pageable = 0;
  int* const y = device<int>(1);
  void* memory = nullptr;
  const std::function<cudaError_t()> forbidden[] = {
      [&] { return cudaMalloc(&memory, 1); },
      [&] { return cudaMallocAsync(&memory, 1, stream); },
      [&] { return cudaMallocHost(&memory, 1); },
      [&] { return cudaStreamSynchronize(stream); },
      [&] { return cudaDeviceSynchronize(); },
      [&] { return cudaMemcpy(y, &pageable, sizeof(int), cudaMemcpyHostToDevice); },
      [&] { return cudaMemcpyAsync(y, &pageable, sizeof(int), cudaMemcpyHostToDevice, stream); },
      [&] { return cudaMemcpyAsync(&pageable, y, sizeof(int), cudaMemcpyDeviceToHost, stream); },
  };
  for (const auto& each : forbidden) {
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    EXPECT_EQ(each(), cudaErrorStreamCaptureUnsupported);
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    EXPECT_EQ(cudaStreamIsCapturing(stream, &status), cudaSuccess);
    EXPECT_EQ(status, cudaStreamCaptureStatusInvalidated);
    EXPECT_THROW(launch(add_one, 1, 32, 0, stream, y, 1), Error);
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
    EXPECT_EQ(graph, nullptr);
  }
}

// Work of streams that no event orders is seen in the one order and in the other, in queues and in graphs.
TEST_F(Emulation, StreamsRunAsLateOrAsEarlyAsTheyMay) {
  cudaStream_t other = nullptr;
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  const auto order = [&](cudaStream_t before, cudaStream_t after) {
    EXPECT_EQ(cudaEventRecord(event, before), cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(after, event), cudaSuccess);
  };
  /// What the stream copies while the other changes it.
  const auto copied = [&](bool captured, bool waits) {
    int *const from = device(std::vector{1}), *const to = device(std::vector{0});
    if (captured) {
      EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    }
    order(stream, other);
    launch(add_one, 1, 32, 0, other, from, 1);
    if (waits) order(other, stream);
    EXPECT_EQ(cudaMemcpyAsync(to, from, sizeof(int), cudaMemcpyDeviceToDevice, stream), cudaSuccess);
    if (!waits) order(other, stream);
    if (captured) {
      cudaGraph_t graph = nullptr;
      cudaGraphExec_t executable = nullptr;
      EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
      EXPECT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
      EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
      EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
      EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
      EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    }
    return host(to, 1).front();
  };
  for (const bool captured : {false, true}) {
    EXPECT_EQ(copied(captured, false), 1);
    EXPECT_EQ(copied(captured, true), 2);
    setenv("CUDA_ON_HOST_STREAMS", "newest", 1);
    EXPECT_EQ(copied(captured, false), 2);
    EXPECT_EQ(copied(captured, true), 2);
    unsetenv("CUDA_ON_HOST_STREAMS");
  }
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
}

TEST_F(Emulation, ACaptureOfTwoStreamsIsJoined) {
  cudaStream_t other = nullptr;
  cudaEvent_t fork = nullptr, join = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&join, cudaEventDisableTiming), cudaSuccess);
  int* const y = device<int>(1);
  for (const bool joined : {true, false}) {
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    EXPECT_EQ(cudaEventRecord(fork, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(other, fork), cudaSuccess);
    launch(add_one, 1, 32, 0, other, y, 1);
    EXPECT_EQ(cudaEventRecord(join, other), cudaSuccess);
    if (joined) {
      EXPECT_EQ(cudaStreamWaitEvent(stream, join), cudaSuccess);
    }
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), joined ? cudaSuccess : cudaErrorStreamCaptureUnjoined);
    if (graph) {
      EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    }
  }
  EXPECT_EQ(cudaEventDestroy(fork), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(join), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
}

TEST_F(Emulation, MemoryRunsOut) {
  std::size_t free = 0, total = 0;
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  cuda_on_host::set_memory_limit(1000);
  void *first = nullptr, *second = nullptr;
  EXPECT_EQ(cudaMallocAsync(&first, 600, stream), cudaSuccess);
  EXPECT_EQ(cudaMallocAsync(&second, 600, stream), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaFreeAsync(first, stream), cudaSuccess);
  EXPECT_EQ(cudaMallocAsync(&second, 600, stream), cudaSuccess) << "what is queued gives it back";
  std::size_t left = 0;
  EXPECT_EQ(cudaMemGetInfo(&left, &total), cudaSuccess);
  EXPECT_EQ(left, 400u);
  EXPECT_EQ(cudaFree(second), cudaSuccess);
  EXPECT_EQ(cudaFree(second), cudaErrorInvalidValue);
  cuda_on_host::set_memory_limit(free);

  cuda_on_host::fail_allocation(1);
  EXPECT_EQ(cudaMalloc(&first, 1), cudaSuccess);
  EXPECT_EQ(cudaMallocHost(&second, 1), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaMallocHost(&second, 1), cudaSuccess);
  EXPECT_EQ(cudaFreeHost(second), cudaSuccess);
  EXPECT_EQ(cudaFree(first), cudaSuccess);
}

TEST_F(Emulation, CopiesKnowTheirDirection) {
  int value = 0;
  int* const y = device<int>(1);
  EXPECT_EQ(cudaMemcpyAsync(&value, y, 4, cudaMemcpyHostToDevice, stream), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpyAsync(y, &value, 4, cudaMemcpyDeviceToDevice, stream), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpyAsync(&value, y, 8, cudaMemcpyDeviceToHost, stream), cudaErrorIllegalAddress);
}

/// y = a b^T of a and b of 16 x 16, by way of shared memory, or b's transpose where it is loaded transposed.
template <class T>
__global__ void multiply(const T* a, const T* b, float* y, bool transposed) {
  T* const shared = dynamic_shared<T>();
  const int l = static_cast<int>(threadIdx.x);
  for (int i = 0; i < 2; ++i) {
    copy_beside(shared + 16 * l + 8 * i, (l < 16 ? a + 16 * l : b + 16 * (l - 16)) + 8 * i, true);
  }
  end_copies();
  wait_for_copies<0>();
  __syncwarp();
  unsigned left[4], right[4];
  load_matrices(left, shared + l % 16 * 16 + l / 16 * 8);
  if (transposed) {
    load_transposed(right, shared + 256 + (l % 8 + l / 8 % 2 * 8) * 16 + l / 16 * 8);
  } else {
    load_matrices(right, shared + 256 + (l % 8 + l / 16 * 8) * 16 + l / 8 % 2 * 8);
  }
  for (int half = 0; half < 2; ++half) {
    float sum[4] = {1, 1, 1, 1};
    multiply_add<T>(sum, left, right[2 * half], right[2 * half + 1]);
    for (int i = 0; i < 4; ++i) y[(l / 4 + i / 2 * 8) * 16 + 8 * half + l % 4 * 2 + i % 2] = sum[i];
  }
}

template <class T>
void expect_product(const std::vector<T>& a, const std::vector<T>& b, const std::vector<float>& y, bool transposed) {
  for (int r = 0; r < 16; ++r) {
    for (int c = 0; c < 16; ++c) {
      float sum = 1;
      for (int k = 0; k < 16; ++k) sum += float{a[16 * r + k]} * float{b[transposed ? 16 * k + c : 16 * c + k]};
      EXPECT_EQ(y[16 * r + c], sum);  // whole numbers
    }
  }
}

TEST_F(Emulation, TensorCoresMultiply) {
  std::mt19937 random(1);
  const auto try_type = [&]<class T>(T) {
    std::vector<T> a(256), b(256);
    for (auto* each : {&a, &b}) {
      for (T& value : *each) value = static_cast<float>(random() % 15) - 7;
    }
    for (const bool transposed : {false, true}) {
      float* const y = device<float>(256);
      launch(multiply<T>, 1, 32, 1024, stream, device(a), device(b), y, transposed);
      expect_product(a, b, host(y, 256), transposed);
    }
  };
  try_type(__half{});
  try_type(__nv_bfloat16{});
}

/// Uses what it copies a group too early, or in time.
__global__ void copy_groups(const int* x, int* y, bool early) {
  int* const shared = dynamic_shared<int>() + 4 * threadIdx.x;
  for (int i = 0; i < 2; ++i) {
    cuda_on_host::queue_copy(shared + 4 * 32 * i, x + 4 * i, 16);
    cuda_on_host::end_copy_group();
  }
  early ? wait_for_copies<1>() : wait_for_copies<0>();
  for (int i = 0; i < 2; ++i) y[2 * threadIdx.x + i] = shared[4 * 32 * i];
}

TEST_F(Emulation, CopiesBesideComputingComeWhenTheyAreWaitedFor) {
  const int* const x = device(std::vector{1, 2, 3, 4, 5, 6, 7, 8});
  for (const bool early : {true, false}) {
    int* const y = device<int>(64);
    launch(copy_groups, 1, 32, 32 * 32, stream, x, y, early);
    const auto found = host(y, 64);
    EXPECT_EQ(found[0], 1);
    EXPECT_EQ(found[63], early ? -1 : 5);
  }
}

/// The value of a float's bits, told from its format.
double value_of(unsigned bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1, exponents = (1 << exponent_bits) - 1;
  const int exponent = static_cast<int>(bits >> mantissa_bits) & exponents;
  const auto mantissa = static_cast<double>(bits & ((1u << mantissa_bits) - 1));
  const double sign = bits & 0x8000u ? -1 : 1;
  if (exponent == exponents) return mantissa > 0 ? NAN : sign * INFINITY;
  const double one = std::ldexp(1.0, mantissa_bits);
  return sign * std::ldexp(exponent ? one + mantissa : mantissa, std::max(exponent, 1) - bias - mantissa_bits);
}

template <class Narrow, class Format>
void expect_conversions(int exponent_bits, int mantissa_bits) {
  for (unsigned bits = 0; bits < 0x10000u; ++bits) {
    const auto x = Narrow::of_bits(static_cast<std::uint16_t>(bits));
    Format same;
    same.bits = x.bits();
    const double value = value_of(bits, exponent_bits, mantissa_bits);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(float{x}) && std::isnan(static_cast<float>(same)) && Narrow(float{x}).bits() == 0x7fff);
      continue;
    }
    ASSERT_EQ(float{x}, value);
    ASSERT_EQ(float{x}, static_cast<float>(same));
    ASSERT_EQ(Narrow(float{x}).bits(), bits);
    // Half way to the next, where the even one is nearest, and beside it. Behind the last would be a power of 2.
    if ((bits & 0x7fffu) >= ((1u << exponent_bits) - 1) << mantissa_bits) continue;
    const double below = value_of(bits - (bits & 0x7fffu ? 1 : 0), exponent_bits, mantissa_bits);
    const double above = value_of(bits + 1, exponent_bits, mantissa_bits);
    const double next = std::isinf(above) ? value + (value - below) : above;
    const auto middle = static_cast<float>((value + next) / 2);
    ASSERT_EQ(Narrow(middle).bits(), bits % 2 ? bits + 1 : bits) << bits;
    ASSERT_EQ(Narrow(std::nextafter(middle, static_cast<float>(value))).bits(), bits);
    ASSERT_EQ(Narrow(std::nextafter(middle, static_cast<float>(next))).bits(), bits + 1);
  }
}

TEST(NarrowFloats, ConvertWithOneRounding) {
  static_assert(sizeof(__half) == 2 && sizeof(__half2) == 4 && alignof(__half2) == 4);
  static_assert(std::is_trivially_default_constructible_v<__half> && std::is_trivially_copyable_v<__half2>);
  expect_conversions<__half, f16>(5, 10);
  expect_conversions<__nv_bfloat16, bf16>(8, 7);
}

TEST(Language, Integers) {
  EXPECT_EQ(__clz(1), 31);
  EXPECT_EQ(__ffs(0), 0);
  EXPECT_EQ(__ffs(8), 4);
  EXPECT_EQ(__brev(1), 0x80000000u);
  EXPECT_EQ(__umulhi(0x80000000u, 6), 3u);
  EXPECT_EQ(__mulhi(-2, 0x40000000), -1);
  EXPECT_EQ(__byte_perm(0x33221100u, 0x77665544u, 0x7250u), 0x77225500u);
  EXPECT_EQ(__funnelshift_l(0x80000000u, 1, 1), 3u);
  EXPECT_EQ(__dp4a(0x01ff0280, 0x03050701, 10), 10 + 3 - 5 + 14 - 128);
}

}  // namespace
}  // namespace sumi::cuda
