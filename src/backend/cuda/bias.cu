#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

template <class Y, int N>
__global__ void add_bias(const float* __restrict__ bias, const Y* __restrict__ residual, Y* __restrict__ y,
                         std::int64_t rows, std::int64_t packs) {
  for_each_of_rows(rows, packs, [&](unsigned row, unsigned pack) {
    const std::int64_t at = (row * packs + pack) * N;
    float sum[N], more[N] = {};
    load(bias + pack * N, sum);
    if (residual) load(residual + at, more);
#pragma unroll
    for (int i = 0; i < N; ++i) sum[i] += more[i];
    store(sum, y + at);
  });
}

}  // namespace

void run(const Device& device, const BiasOp::Case& c, const BiasOp::Args& args) {
  with_type(c.y, [&]<class Y>(TypeTag<Y>) {
    const auto* bias = elements<float>(args.bias);
    const auto* residual = elements<Y>(args.residual);
    auto* y = elements<Y>(args.y);
    with_width<widest<Y>>(fits<widest<Y>>(c.out, bias, residual, y), [&]<int N>(Width<N>) {
      const RowGrid size(c.rows, c.out / N);
      launch(add_bias<Y, N>, size.grid, size.block, 0, device.stream(), bias, residual, y, c.rows, c.out / N);
    });
  });
}

}  // namespace sumi::cuda
