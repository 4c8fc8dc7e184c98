#include "backend/cuda/kernels.h"
#include "backend/cuda/linear.cuh"

namespace sumi::cuda {

void run(const Device& device, const LinearOp::Case& c, const LinearOp::Args& args) {
  with_type(c.x, [&]<class X>(TypeTag<X>) {
    with_type(c.y, [&]<class Y>(TypeTag<Y>) {
      launch_linear(device, c, elements<const X>(args.x), reinterpret_cast<const X*>(args.packed),
                    epilogue_of<X, Y>(c, args));
    });
  });
}

}  // namespace sumi::cuda
