#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

__device__ __forceinline__ float guided(float unconditional, float conditional, float guidance) {
  return unconditional + guidance * (conditional - unconditional);
}

template <class T, int N>
__global__ void guide(const T* __restrict__ x, T* __restrict__ y, std::int64_t packs, float guidance) {
  for_each_of_grid(packs, [&](std::int64_t at) {
    float values[N], conditional[N];
    load(x + at * N, values);
    load(x + (packs + at) * N, conditional);
#pragma unroll
    for (int i = 0; i < N; ++i) values[i] = guided(values[i], conditional[i], guidance);
    store(values, y + at * N);
  });
}

constexpr int threads = 1024;

/// A block a picture, which it reads three times: for the means, for the squares of what is apart from them, and to
/// write. A few hundred KiB at most, once a step.
template <class T, int N>
__global__ void __launch_bounds__(threads)
    guide_rescaled(const T* __restrict__ x, T* __restrict__ y, std::int64_t packs, float guidance, float rescale) {
  __shared__ float parts[4][warp];
  const T* unconditional = x + blockIdx.x * packs * N;
  const T* conditional = unconditional + gridDim.x * packs * N;
  // Calls body(y, c, first element) for the packs of this thread.
  const auto for_each_pack = [&](auto body) {
    for (std::int64_t at = threadIdx.x * N; at < packs * N; at += threads * N) {
      float values[N], c[N];
      load(unconditional + at, values);
      load(conditional + at, c);
#pragma unroll
      for (int i = 0; i < N; ++i) values[i] = guided(values[i], c[i], guidance);
      body(values, c, at);
    }
  };
  float y_sum = 0, c_sum = 0, y_squares = 0, c_squares = 0;
  for_each_pack([&](const float(&values)[N], const float(&c)[N], std::int64_t) {
#pragma unroll
    for (int i = 0; i < N; ++i) y_sum += values[i], c_sum += c[i];
  });
  const float count = static_cast<float>(packs * N);
  const float y_mean = block_sum(y_sum, parts[0]) / count, c_mean = block_sum(c_sum, parts[1]) / count;
  for_each_pack([&](const float(&values)[N], const float(&c)[N], std::int64_t) {
#pragma unroll
    for (int i = 0; i < N; ++i) {
      y_squares += (values[i] - y_mean) * (values[i] - y_mean);
      c_squares += (c[i] - c_mean) * (c[i] - c_mean);
    }
  });
  const float ratio = sqrtf(block_sum(c_squares, parts[2]) / block_sum(y_squares, parts[3]));
  const float factor = rescale * ratio + (1 - rescale);
  for_each_pack([&](float(&values)[N], const float(&)[N], std::int64_t at) {
#pragma unroll
    for (int i = 0; i < N; ++i) values[i] *= factor;
    store(values, y + blockIdx.x * packs * N + at);
  });
}

}  // namespace

void run(const Device& device, const GuideOp::Case& c, const GuideOp::Args& args) {
  const auto guidance = static_cast<float>(args.guidance), rescale = static_cast<float>(args.rescale);
  with_type(c.x, [&]<class T>(TypeTag<T>) {
    const auto* x = elements<T>(args.x);
    auto* y = elements<T>(args.y);
    with_width<widest<T>>(fits<widest<T>>(c.elements, x, y), [&]<int N>(Width<N>) {
      const std::int64_t packs = c.elements / N;
      if (c.rescaled) {
        launch(guide_rescaled<T, N>, dim3(static_cast<unsigned>(c.batch)), threads, 0, device.stream(), x, y, packs,
               guidance, rescale);
      } else {
        launch(guide<T, N>, blocks_for(c.batch * packs, loop_threads), loop_threads, 0, device.stream(), x, y,
               c.batch * packs, guidance);
      }
    });
  });
}

}  // namespace sumi::cuda
