#include "backend/cuda/fp8.h"
#include "backend/cuda/linear.cuh"

namespace sumi::cuda {
namespace {

/// Sums of products of multiples become sums of products.
template <class Y>
struct Stepped : Epilogue<float, Y> {
  const float *x, *weight;  ///< steps

  __device__ __forceinline__ void operator()(int r, int o, float sum) const {
    Epilogue<float, Y>::operator()(r, o, sum*(x[r] * weight[o]));
  }
  __device__ __forceinline__ void operator()(int r, int o, float value, float gate) const {
    Epilogue<float, Y>::operator()(r, o, value*(x[r] * weight[o]), gate*(x[r] * weight[this->columns + o]));
  }
};

}  // namespace

void run_fp8(const Device& device, const LinearOp::Case& c, const LinearOp::Args& args, const Fp8Rows& x) {
  const Fp8Rows weight = fp8_rows(args.packed, c.weight_rows(), c.in);
  with_type(c.y, [&]<class Y>(TypeTag<Y>) {
    const Stepped<Y> finish{epilogue_of<float, Y>(c, args), x.steps, weight.steps};
    launch_linear(device, c, x.values, weight.values, finish);
  });
}

}  // namespace sumi::cuda
