#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

/// In double: float32 would leave an angle of 1000 only 14 bits after the point, and these are a few hundred numbers.
template <class Y>
__global__ void sinusoid(const float* __restrict__ timesteps, Y* __restrict__ y, std::int64_t count, std::int64_t half,
                         double shift, bool cosine_first) {
  constexpr double log_of_10000 = 9.2103403719761827;
  for_each_of_rows(count, half, [&](unsigned n, unsigned i) {
    const double frequency = exp(-log_of_10000 * i / (static_cast<double>(half) - shift));
    const double angle = static_cast<double>(timesteps[n]) * frequency;
    Y* row = y + 2 * half * n;
    row[cosine_first ? i : half + i] = rounded<Y>(static_cast<float>(cos(angle)));
    row[cosine_first ? half + i : i] = rounded<Y>(static_cast<float>(sin(angle)));
  });
}

}  // namespace

void run(const Device& device, const SinusoidOp::Case& c, const SinusoidOp::Args& args) {
  with_type(c.y, [&]<class Y>(TypeTag<Y>) {
    const RowGrid size(c.count, c.channels / 2);
    launch(sinusoid<Y>, size.grid, size.block, 0, device.stream(), elements<const float>(args.x), elements<Y>(args.y),
           c.count, c.channels / 2, c.shift, c.cosine_first);
  });
}

}  // namespace sumi::cuda
