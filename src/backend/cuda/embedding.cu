#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

template <class T, int N>
__global__ void embed(const std::int32_t* __restrict__ ids, const T* __restrict__ tokens,
                      const float* __restrict__ positions, T* __restrict__ y, std::int64_t rows, unsigned length,
                      std::int64_t packs) {
  for_each_of_rows(rows, packs, [&](unsigned row, unsigned pack) {
    float sum[N], position[N];
    load(tokens + (ids[row] * packs + pack) * N, sum);
    load(positions + (row % length * packs + pack) * N, position);
#pragma unroll
    for (int i = 0; i < N; ++i) sum[i] += position[i];
    store(sum, y + (row * packs + pack) * N);
  });
}

}  // namespace

void run(const Device& device, const EmbeddingOp::Case& c, const EmbeddingOp::Args& args) {
  with_type(c.y, [&]<class T>(TypeTag<T>) {
    const auto* ids = elements<std::int32_t>(args.ids);
    const auto* tokens = reinterpret_cast<const T*>(args.packed);
    const auto* positions = elements<float>(args.positions);
    auto* y = elements<T>(args.y);
    with_width<widest<T>>(fits<widest<T>>(c.channels, tokens, positions, y), [&]<int N>(Width<N>) {
      const std::int64_t rows = c.batch * c.length, packs = c.channels / N;
      const RowGrid size(rows, packs);
      launch(embed<T, N>, size.grid, size.block, 0, device.stream(), ids, tokens, positions, y, rows, c.length, packs);
    });
  });
}

}  // namespace sumi::cuda
