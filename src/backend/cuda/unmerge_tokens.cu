#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

template <class T, int N>
__global__ void unmerge(const T* __restrict__ x, const std::int32_t* __restrict__ place, const T* __restrict__ residual,
                        T* __restrict__ y, std::int64_t rows, unsigned tokens, std::int64_t length,
                        std::int64_t packs) {
  for_each_of_rows(rows, packs, [&](unsigned token, unsigned pack) {
    const std::int64_t from = token / tokens * length + place[token], at = (token * packs + pack) * N;
    float values[N], sum[N];
    load(residual + at, sum);
    load(x + (from * packs + pack) * N, values);
#pragma unroll
    for (int i = 0; i < N; ++i) sum[i] += values[i];
    store(sum, y + at);
  });
}

}  // namespace

void run(const Device& device, const UnmergeTokensOp::Case& c, const UnmergeTokensOp::Args& args) {
  with_type(c.x, [&]<class T>(TypeTag<T>) {
    const auto* x = elements<T>(args.x);
    const auto* place = elements<std::int32_t>(args.place);
    const auto* residual = elements<T>(args.residual);
    auto* y = elements<T>(args.y);
    with_width<widest<T>>(fits<widest<T>>(c.channels, x, residual, y), [&]<int N>(Width<N>) {
      const std::int64_t rows = c.batch * c.tokens, packs = c.channels / N;
      const RowGrid size(rows, packs);
      launch(unmerge<T, N>, size.grid, size.block, 0, device.stream(), x, place, residual, y, rows, c.tokens, c.length,
             packs);
    });
  });
}

}  // namespace sumi::cuda
