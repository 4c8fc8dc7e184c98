#include "backend/cuda/linear_finish.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

/// N neighbours of a row of sums or of values or gates, with their bias.
template <class Y, int N>
__device__ __forceinline__ void load_biased(const Y* sums, const float* bias, float (&to)[N]) {
  load(sums, to);
  if (!bias) return;
  float more[N];
  load(bias, more);
#pragma unroll
  for (int i = 0; i < N; ++i) to[i] += more[i];
}

template <bool gated, class Y, int N>
__global__ void finish(const Y* __restrict__ sums, const float* __restrict__ bias, const Y* __restrict__ residual,
                       Y* __restrict__ y, std::int64_t rows, std::int64_t packs, Activation activation) {
  const std::int64_t columns = packs * N;
  for_each_of_rows(rows, packs, [&](unsigned row, unsigned pack) {
    const std::int64_t column = static_cast<std::int64_t>(pack) * N;
    const Y* from = sums + row * (gated ? 2 : 1) * columns + column;
    float result[N];
    load_biased(from, bias ? bias + column : nullptr, result);
    if constexpr (gated) {
      float gates[N];
      load_biased(from + columns, bias ? bias + columns + column : nullptr, gates);
      activate_all(activation, gates);
#pragma unroll
      for (int i = 0; i < N; ++i) result[i] *= gates[i];
    } else {
      activate_all(activation, result);
    }
    if (residual) {
      float more[N];
      load(residual + row * columns + column, more);
#pragma unroll
      for (int i = 0; i < N; ++i) result[i] += more[i];
    }
    store(result, y + row * columns + column);
  });
}

}  // namespace

void finish_linear(const Device& device, const LinearOp::Case& c, const LinearOp::Args& args, const std::byte* sums) {
  with_type(c.y, [&]<class Y>(TypeTag<Y>) {
    const auto* from = reinterpret_cast<const Y*>(sums);
    const auto* bias = elements<const float>(args.bias);
    const auto* residual = elements<const Y>(args.residual);
    auto* y = elements<Y>(args.y);
    with_width<widest<Y>>(fits<widest<Y>>(c.out, from, bias, residual, y), [&]<int N>(Width<N>) {
      const RowGrid size(c.rows, c.out / N);
      launch(c.gated ? finish<true, Y, N> : finish<false, Y, N>, size.grid, size.block, 0, device.stream(), from, bias,
             residual, y, c.rows, c.out / N, c.activation);
    });
  });
}

}  // namespace sumi::cuda
