#include "backend/ref/plain.h"
#include "core/rng.h"

namespace sumi::ref {

void run(const NoiseOp::Case& c, const NoiseOp::Args& args) {
  auto* y = args.y.data<float>();
  for (std::int64_t pixel = 0; pixel < c.pixels; ++pixel) {
    for (std::int64_t channel = 0; channel < c.channels; ++channel) {
      *y++ = normal(args.draw, static_cast<std::uint64_t>(channel * c.pixels + pixel));
    }
  }
}

}  // namespace sumi::ref
