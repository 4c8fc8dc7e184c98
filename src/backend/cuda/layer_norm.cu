#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

/// A row is held by the registers of 2^k threads, up to five packs in each: the widths of Stable Diffusion's layers are
/// 5 * 2^k packs, those of CLIP 3 * 2^k or 4 * 2^k. Short rows share a warp, those of more than a warp have a block.
constexpr int held = 5, least_threads = 128, most_threads = 1024;

/// Over the threads of a row.
__device__ __forceinline__ float row_sum(float value, float (&parts)[warp]) {
  return blockDim.x <= warp ? warp_sum(value, blockDim.x) : block_sum(value, parts);
}

template <class T, int N>
__global__ void __launch_bounds__(most_threads)
    layer_norm(const T* __restrict__ x, const float* __restrict__ scale, const float* __restrict__ shift,
               T* __restrict__ y, std::int64_t rows, int packs, float epsilon) {
  __shared__ float parts[2][warp];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  // Calls body(values of a pack, pack) for those of this thread.
  float values[held][N];
  const auto for_each_pack = [&](auto body) {
#pragma unroll
    for (int i = 0; i < held; ++i) {
      const int pack = threadIdx.x + i * blockDim.x;
      if (row < rows && pack < packs) body(values[i], pack);
    }
  };
  for_each_pack([&](float(&own)[N], int pack) { load(x + (row * packs + pack) * N, own); });

  const float count = static_cast<float>(packs) * N;
  float sum = 0, squares = 0;
  for_each_pack([&](float(&own)[N], int) {
#pragma unroll
    for (int i = 0; i < N; ++i) sum += own[i];
  });
  const float mean = row_sum(sum, parts[0]) / count;
  for_each_pack([&](float(&own)[N], int) {
#pragma unroll
    for (int i = 0; i < N; ++i) {
      own[i] -= mean;
      squares += own[i] * own[i];
    }
  });
  const float inverse = 1 / sqrtf(row_sum(squares, parts[1]) / count + epsilon);
  for_each_pack([&](float(&own)[N], int pack) {
    float factor[N], offset[N];
    load(scale + pack * N, factor);
    load(shift + pack * N, offset);
#pragma unroll
    for (int i = 0; i < N; ++i) own[i] = own[i] * inverse * factor[i] + offset[i];
    store(own, y + (row * packs + pack) * N);
  });
}

}  // namespace

void run(const Device& device, const LayerNormOp::Case& c, const LayerNormOp::Args& args) {
  with_type(c.x, [&]<class T>(TypeTag<T>) {
    const auto* x = elements<T>(args.x);
    const auto *scale = elements<float>(args.scale), *shift = elements<float>(args.shift);
    auto* y = elements<T>(args.y);
    with_width<widest<T>>(fits<widest<T>>(c.channels, x, scale, shift, y), [&]<int N>(Width<N>) {
      const std::int64_t packs = c.channels / N;
      check(packs <= held * most_threads, ErrorCode::unsupported,
            "cuda: layer_norm of {} channels: a kernel takes {} at these addresses", c.channels,
            held * most_threads * N);
      unsigned lanes = 1;
      while (lanes * held < packs) lanes *= 2;
      const unsigned side_by_side = lanes <= warp ? least_threads / lanes : 1;
      const dim3 grid(static_cast<unsigned>((c.rows + side_by_side - 1) / side_by_side));
      launch(layer_norm<T, N>, grid, dim3(lanes, side_by_side), 0, device.stream(), x, scale, shift, y, c.rows, packs,
             static_cast<float>(c.epsilon));
    });
  });
}

}  // namespace sumi::cuda
