// Threads of blocks: barriers, shuffles, votes, shared memory, tensor cores.

#include <algorithm>
#include <cstdlib>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "backend/cuda/mma.cuh"
#include "emulation.h"
#include "emulator/copies.h"

namespace sumi::cuda {
namespace {

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
    EXPECT_TRUE(contains(text, "threads_test.cpp:"));
    for (const std::string& each : texts[kind]) EXPECT_TRUE(contains(text, each));
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  }
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

}  // namespace
}  // namespace sumi::cuda
