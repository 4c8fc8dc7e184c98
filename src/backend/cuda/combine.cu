#include <limits>

#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

template <class X>
struct Terms {
  const X* x[CombineOp::most];
  double coefficient[CombineOp::most];
  int count;
};

/// Sums are in double whatever the types: two terms of float16 take five instructions for doubles an element, and an
/// H100 does those at 7.4 TB/s of operands. Even a GeForce, with 1/32 of that rate, loses at most a quarter.
/// y may be one of the terms: no `__restrict__`, and all of them are read before it is written.
template <class X, class Y, int N>
__global__ void combine(Terms<X> terms, float limit, Y* y, std::int64_t packs) {
  for_each_of_grid(packs, [&](std::int64_t at) {
    double sums[N] = {};
#pragma unroll 2
    for (int term = 0; term < terms.count; ++term) {
      const Pack<X, N> x = pack_at<N>(terms.x[term], at);
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i] += terms.coefficient[term] * static_cast<double>(to_float(x.values[i]));
    }
    float values[N];
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const auto sum = static_cast<float>(sums[i]);
      values[i] = sum < -limit ? -limit : sum > limit ? limit : sum;
    }
    store(values, y + at * N);
  });
}

}  // namespace

void run(const Device& device, const CombineOp::Case& c, const CombineOp::Args& args) {
  const float limit = c.clamped ? static_cast<float>(args.limit) : std::numeric_limits<float>::infinity();
  with_type(c.x, [&]<class X>(TypeTag<X>) {
    with_type(c.y, [&]<class Y>(TypeTag<Y>) {
      constexpr int wide = widest<X, Y>;
      auto* y = elements<Y>(args.y);
      bool even = fits<wide>(c.elements, y);
      Terms<X> terms{};
      terms.count = static_cast<int>(c.terms);
      for (std::size_t i = 0; i < c.terms; ++i) {
        terms.x[i] = elements<X>(args.x[i]);
        terms.coefficient[i] = args.coefficient[i];
        even = even && fits<wide>(c.elements, terms.x[i]);
      }
      with_width<wide>(even, [&]<int N>(Width<N>) {
        launch(combine<X, Y, N>, blocks_for(c.elements / N, loop_threads), loop_threads, 0, device.stream(), terms,
               limit, y, c.elements / N);
      });
    });
  });
}

}  // namespace sumi::cuda
