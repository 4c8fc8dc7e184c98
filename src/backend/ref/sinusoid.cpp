#include <cmath>
#include <vector>

#include "backend/ref/plain.h"

namespace sumi::ref {

void run(const SinusoidOp::Case& c, const SinusoidOp::Args& args) {
  const auto half = static_cast<std::size_t>(c.channels / 2);
  const auto* timesteps = args.x.data<float>();
  std::vector<double> y(2 * half);
  for (std::int64_t n = 0; n < c.count; ++n) {
    for (std::size_t i = 0; i < half; ++i) {
      const double frequency =
          std::exp(-std::log(10000.0) * static_cast<double>(i) / (static_cast<double>(half) - c.shift));
      const double angle = timesteps[n] * frequency;
      y[c.cosine_first ? i : half + i] = std::cos(angle);
      y[c.cosine_first ? half + i : i] = std::sin(angle);
    }
    store(y, args.y, n * c.channels);
  }
}

}  // namespace sumi::ref
