#include "backend/cuda/epilogue.cuh"
#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/product.cuh"

namespace sumi::cuda {
namespace {

/// `Weights` 2: gated, values and gates of a column in the same thread.
template <int Weights, class X, class Y>
__global__ void __launch_bounds__(product_threads, 2)
    linear(const X* __restrict__ x, const X* __restrict__ weight, int in, bool wide, const Epilogue<X, Y> finish) {
  const TilePlace place(finish.columns);
  const MatrixRow<X> row(x, place.row + loaded_row(), finish.rows, in, wide);
  if constexpr (Weights == 1) {
    MatrixRow<X> weights[]{{weight, place.column + loaded_row(), finish.columns, in, wide}};
    multiply<1>(row, weights, in, place, finish);
  } else {
    const X* gates = weight + static_cast<std::int64_t>(finish.columns) * in;
    MatrixRow<X> weights[]{{weight, place.column + loaded_row(), finish.columns, in, wide},
                           {gates, place.column + loaded_row(), finish.columns, in, wide}};
    multiply<2>(row, weights, in, place, finish);
  }
}

}  // namespace

void run(const Device& device, const LinearOp::Case& c, const LinearOp::Args& args) {
  with_type(c.x, [&]<class X>(TypeTag<X>) {
    with_type(c.y, [&]<class Y>(TypeTag<Y>) {
      const auto* weight = reinterpret_cast<const X*>(args.packed);
      const auto* x = elements<const X>(args.x);
      const Epilogue<X, Y> finish{.bias = elements<const float>(args.bias),
                                  .row = nullptr,
                                  .residual = elements<const Y>(args.residual),
                                  .y = elements<Y>(args.y),
                                  .rows = static_cast<int>(c.rows),
                                  .columns = static_cast<int>(c.out),
                                  .rows_a_picture = 1,
                                  .activation = c.activation};
      launch(c.gated ? linear<2, X, Y> : linear<1, X, Y>, tiles_of(c.rows, c.out), product_threads, 0, device.stream(),
             x, weight, static_cast<int>(c.in), aligned_for<X, 4>(c.in, c.in, x, weight), finish);
    });
  });
}

}  // namespace sumi::cuda
