#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

template <class X, class Y, int N>
__global__ void activate(const X* __restrict__ x, Y* __restrict__ y, std::int64_t packs, Activation activation) {
  for_each_of_grid(packs, [&](std::int64_t i) {
    float values[N];
    load(x + i * N, values);
    activate_all(activation, values);
    store(values, y + i * N);
  });
}

}  // namespace

void run(const Device& device, const ActivateOp::Case& c, const ActivateOp::Args& args) {
  with_type(c.x, [&]<class X>(TypeTag<X>) {
    with_type(c.y, [&]<class Y>(TypeTag<Y>) {
      const auto* x = elements<X>(args.x);
      auto* y = elements<Y>(args.y);
      constexpr int wide = widest<X, Y>;
      with_width<wide>(fits<wide>(c.elements, x, y), [&]<int N>(Width<N>) {
        launch(activate<X, Y, N>, blocks_for(c.elements / N, loop_threads), loop_threads, 0, device.stream(), x, y,
               c.elements / N, c.activation);
      });
    });
  });
}

}  // namespace sumi::cuda
