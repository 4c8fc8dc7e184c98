#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

/// y may be one of the others: no `__restrict__`.
template <class T, int N>
__global__ void blend(const T* mask, const T* a, const T* b, T* y, std::int64_t packs) {
  for_each_of_grid(packs, [&](std::int64_t at) {
    float share[N], values[N], others[N];
    load(mask + at * N, share);
    load(a + at * N, values);
    load(b + at * N, others);
#pragma unroll
    for (int i = 0; i < N; ++i) values[i] = share[i] * values[i] + (1 - share[i]) * others[i];
    store(values, y + at * N);
  });
}

}  // namespace

void run(const Device& device, const BlendOp::Case& c, const BlendOp::Args& args) {
  with_type(c.x, [&]<class T>(TypeTag<T>) {
    const auto *mask = elements<T>(args.mask), *a = elements<T>(args.a), *b = elements<T>(args.b);
    auto* y = elements<T>(args.y);
    with_width<widest<T>>(fits<widest<T>>(c.elements, mask, a, b, y), [&]<int N>(Width<N>) {
      launch(blend<T, N>, blocks_for(c.elements / N, loop_threads), loop_threads, 0, device.stream(), mask, a, b, y,
             c.elements / N);
    });
  });
}

}  // namespace sumi::cuda
