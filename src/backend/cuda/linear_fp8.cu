#include "backend/cuda/epilogue.cuh"
#include "backend/cuda/fp8.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/product.cuh"

namespace sumi::cuda {
namespace {

/// Sums of products of multiples become sums of products.
template <class Y>
struct Stepped {
  Epilogue<float, Y> finish;
  const float *x, *weight;  ///< steps
  int rows, columns;

  __device__ __forceinline__ void operator()(int r, int o, float sum) const { finish(r, o, sum * (x[r] * weight[o])); }
  __device__ __forceinline__ void operator()(int r, int o, float value, float gate) const {
    finish(r, o, value * (x[r] * weight[o]), gate * (x[r] * weight[columns + o]));
  }
};

template <int Weights, class Y>
__global__ void __launch_bounds__(product_threads, 2)
    linear_fp8(const E4m3* __restrict__ x, const E4m3* __restrict__ weight, int in, bool wide,
               const Stepped<Y> finish) {
  const TilePlace place(finish.columns);
  const MatrixRow<E4m3> row(x, place.row + loaded_row(), finish.rows, in, wide);
  MatrixRow<E4m3> weights[Weights];
  for (int h = 0; h < Weights; ++h) {
    weights[h] = {weight + static_cast<std::int64_t>(h) * finish.columns * in, place.column + loaded_row(),
                  finish.columns, in, wide};
  }
  multiply<Weights>(row, weights, in, place, finish);
}

}  // namespace

void run_fp8(const Device& device, const LinearOp::Case& c, const LinearOp::Args& args, const Fp8Rows& x) {
  const Fp8Rows weight = fp8_rows(args.packed, c.weight_rows(), c.in);
  with_type(c.y, [&]<class Y>(TypeTag<Y>) {
    const Stepped<Y> finish{.finish = {.bias = elements<const float>(args.bias),
                                       .row = nullptr,
                                       .residual = elements<const Y>(args.residual),
                                       .y = elements<Y>(args.y),
                                       .rows = static_cast<int>(c.rows),
                                       .columns = static_cast<int>(c.out),
                                       .rows_a_picture = 1,
                                       .activation = c.activation},
                            .x = x.steps,
                            .weight = weight.steps,
                            .rows = static_cast<int>(c.rows),
                            .columns = static_cast<int>(c.out)};
    launch(c.gated ? linear_fp8<2, Y> : linear_fp8<1, Y>, tiles_of(c.rows, c.out), product_threads, 0, device.stream(),
           x.values, weight.values, static_cast<int>(c.in), aligned_for<E4m3, 4>(c.in, c.in, x.values, weight.values),
           finish);
  });
}

}  // namespace sumi::cuda
