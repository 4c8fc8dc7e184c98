// Memory: what is outside of it, of the host's, or gone; and launches that are too large.

#include <gtest/gtest.h>

#include "emulation.h"
#include "emulator/sanitizer.h"

namespace sumi::cuda {
namespace {

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
  EXPECT_DEATH(use_freed(), "memory_test.cpp.*thread \\(0, 0, 0\\).* touched memory that is not");
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

}  // namespace
}  // namespace sumi::cuda
