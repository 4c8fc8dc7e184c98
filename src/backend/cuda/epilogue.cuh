#pragma once

#include "backend/cuda/values.cuh"

namespace sumi::cuda {

/// What becomes of the sums of products as they leave: y = act(sum + bias + row) + residual, or gated
/// y = (value + bias) * act(gate + its bias) + residual. Null is what a case does not have.
template <class X, class Y>
struct Epilogue {
  const float* bias;  ///< (columns), gated (2 * columns)
  const X* row;       ///< (pictures, columns)
  const Y* residual;  ///< like y
  Y* y;               ///< (rows, columns)
  int rows, columns;
  int rows_a_picture;  ///< of y
  Activation activation;

  __device__ __forceinline__ void operator()(int r, int o, float sum) const {
    if (row) sum += to_float(row[static_cast<std::int64_t>(r / rows_a_picture) * columns + o]);
    store(r, o, activated(activation, biased(sum, o)));
  }
  __device__ __forceinline__ void operator()(int r, int o, float value, float gate) const {
    store(r, o, biased(value, o) * activated(activation, biased(gate, columns + o)));
  }

 private:
  __device__ __forceinline__ float biased(float sum, int o) const { return bias ? sum + bias[o] : sum; }
  __device__ __forceinline__ void store(int r, int o, float value) const {
    const std::int64_t at = static_cast<std::int64_t>(r) * columns + o;
    y[at] = rounded<Y>(residual ? value + to_float(residual[at]) : value);
  }
};

}  // namespace sumi::cuda
