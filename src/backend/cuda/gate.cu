#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

template <class T, int N>
__global__ void gate(const T* __restrict__ x, T* __restrict__ y, std::int64_t rows, std::int64_t packs,
                     Activation activation) {
  for_each_of_rows(rows, packs, [&](unsigned row, unsigned pack) {
    const T* from = x + (2 * row * packs + pack) * N;
    float values[N], gates[N];
    load(from, values);
    load(from + packs * N, gates);
    activate_all(activation, gates);
#pragma unroll
    for (int i = 0; i < N; ++i) values[i] *= gates[i];
    store(values, y + (row * packs + pack) * N);
  });
}

}  // namespace

void run(const Device& device, const GateOp::Case& c, const GateOp::Args& args) {
  with_type(c.x, [&]<class T>(TypeTag<T>) {
    const auto* x = elements<T>(args.x);
    auto* y = elements<T>(args.y);
    with_width<widest<T>>(fits<widest<T>>(c.out, x, y), [&]<int N>(Width<N>) {
      const RowGrid size(c.rows, c.out / N);
      launch(gate<T, N>, size.grid, size.block, 0, device.stream(), x, y, c.rows, c.out / N, c.activation);
    });
  });
}

}  // namespace sumi::cuda
