#pragma once

#include "backend/cuda/epilogue.cuh"
#include "backend/cuda/launch.h"
#include "backend/cuda/product.cuh"
#include "ops/linear.h"

namespace sumi::cuda {

// Linears by plain products, of whatever numbers their factors are.

/// `Weights` 2: gated, values and gates of a column in the same thread.
template <int Weights, class X, class Finish>
__global__ void __launch_bounds__(product_threads, 2)
    linear(const X* __restrict__ x, const X* __restrict__ weight, int in, bool wide, const Finish finish) {
  const TilePlace place(finish.columns);
  const MatrixRow<X> row(x, place.row + loaded_row(), finish.rows, in, wide);
  MatrixRow<X> weights[Weights];
  for (int h = 0; h < Weights; ++h) {
    weights[h] = {weight + static_cast<std::int64_t>(h) * finish.columns * in, place.column + loaded_row(),
                  finish.columns, in, wide};
  }
  multiply<Weights>(row, weights, in, place, finish);
}

/// x is (rows, in), the weight (weight_rows, in).
template <class X, class Finish>
void launch_linear(const Device& device, const LinearOp::Case& c, const X* x, const X* weight, const Finish& finish) {
  launch(c.gated ? linear<2, X, Finish> : linear<1, X, Finish>, tiles_of(c.rows, c.out), product_threads, 0,
         device.stream(), x, weight, static_cast<int>(c.in), aligned_for<X, 4>(c.in, c.in, x, weight), finish);
}

template <class X, class Y>
Epilogue<X, Y> epilogue_of(const LinearOp::Case& c, const LinearOp::Args& args) {
  return {.bias = elements<const float>(args.bias),
          .row = nullptr,
          .residual = elements<const Y>(args.residual),
          .y = elements<Y>(args.y),
          .rows = static_cast<int>(c.rows),
          .columns = static_cast<int>(c.out),
          .rows_a_picture = 1,
          .activation = c.activation};
}

}  // namespace sumi::cuda
