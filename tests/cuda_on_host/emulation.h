#pragma once

#include <cuda_runtime.h>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backend/cuda/launch.h"
#include "emulator/control.h"

namespace sumi::cuda {

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

inline std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline ::testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << part << "' is not in '" << text << "'";
}

inline __global__ void add_one(int* y, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) y[i] += 1;
}

}  // namespace sumi::cuda
