#include "backend/cuda/kernels.h"
#include "backend/cuda/loops.cuh"
#include "backend/cuda/values.cuh"

namespace sumi::cuda {
namespace {

/// As cuRAND's curand_normal4, by which PyTorch draws on a GPU: logarithm and root precise, the sine fast, and in
/// `philox` products joined with sums by the compiler. So the bits are the same, not only the values.
__global__ void draw_noise(PhiloxDraw draw, float* __restrict__ y, std::int64_t pixels, std::int64_t channels) {
  for_each_of_rows(pixels, channels, [&](unsigned pixel, unsigned channel) {
    const PhiloxPoint point = philox(draw, channel * pixels + pixel);
    y[pixel * channels + channel] = sqrtf(-2 * logf(point.uniform)) * __sinf(point.angle);
  });
}

}  // namespace

void run(const Device& device, const NoiseOp::Case& c, const NoiseOp::Args& args) {
  const RowGrid size(c.pixels, c.channels);
  launch(draw_noise, size.grid, size.block, 0, device.stream(), args.draw, elements<float>(args.y), c.pixels,
         c.channels);
}

}  // namespace sumi::cuda
