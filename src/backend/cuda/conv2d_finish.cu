#include "backend/cuda/conv2d_finish.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

template <class T, int N>
__device__ __forceinline__ void add(const T* from, float (&to)[N]) {
  float more[N];
  load(from, more);
#pragma unroll
  for (int i = 0; i < N; ++i) to[i] += more[i];
}

/// A thread N channels of a pixel at a time. `sums` may be `y`: a thread writes only what it has read.
template <int N, class X, class Y>
__global__ void finish(const X* sums, const float* __restrict__ bias, const X* __restrict__ row,
                       const Y* __restrict__ residual, Y* y, std::int64_t pixels, std::int64_t packs,
                       unsigned picture_pixels, Activation activation) {
  const std::int64_t channels = packs * N;
  for_each_of_rows(pixels, packs, [&](unsigned pixel, unsigned pack) {
    const std::int64_t channel = static_cast<std::int64_t>(pack) * N, at = pixel * channels + channel;
    float result[N];
    load(sums + at, result);
    if (bias) add(bias + channel, result);
    if (row) add(row + pixel / picture_pixels * channels + channel, result);
    activate_all(activation, result);
    if (residual) add(residual + at, result);
    store(result, y + at);
  });
}

}  // namespace

void finish_conv2d(const Device& device, const Conv2dOp::Case& c, const Conv2dOp::Args& args, const std::byte* sums) {
  const std::int64_t picture_pixels = c.out_height() * c.out_width(), pixels = c.batch * picture_pixels;
  with_type(c.x, [&]<class X>(TypeTag<X>) {
    with_type(c.y, [&]<class Y>(TypeTag<Y>) {
      constexpr int widest_of_both = std::min(widest<X>, widest<Y>);
      const auto* from = reinterpret_cast<const X*>(sums);
      const auto* bias = elements<const float>(args.bias);
      const auto* row = elements<const X>(args.row);
      const auto* residual = elements<const Y>(args.residual);
      auto* y = elements<Y>(args.y);
      const bool even = fits<widest_of_both>(c.out_channels, from, bias, row, residual, y);
      with_width<widest_of_both>(even, [&]<int N>(Width<N>) {
        const RowGrid size(pixels, c.out_channels / N);
        launch(finish<N, X, Y>, size.grid, size.block, 0, device.stream(), from, bias, row, residual, y, pixels,
               c.out_channels / N, static_cast<unsigned>(picture_pixels), c.activation);
      });
    });
  });
}

}  // namespace sumi::cuda
