#include <cmath>
#include <vector>

#include "backend/ref/moments.h"
#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {

void run(const GroupNormOp::Case& c, const GroupNormOp::Args& args) {
  const std::int64_t size = c.channels / c.groups;
  const auto *scale = args.scale.data<float>(), *shift = args.shift.data<float>();
  parallel_for(c.batch * c.groups, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> x(static_cast<std::size_t>(c.pixels * size));
    std::vector<double> y(static_cast<std::size_t>(size));
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t n = task / c.groups, channel = task % c.groups * size;
      const auto at = [&](std::int64_t pixel) { return (n * c.pixels + pixel) * c.channels + channel; };
      const auto row = [&](std::int64_t pixel) { return std::span(x.data() + pixel * size, y.size()); };
      for (std::int64_t pixel = 0; pixel < c.pixels; ++pixel) load(args.x, at(pixel), row(pixel));
      const Moments m = moments(x);
      const double inverse = 1 / std::sqrt(m.variance + c.epsilon);
      for (std::int64_t pixel = 0; pixel < c.pixels; ++pixel) {
        for (std::size_t i = 0; i < y.size(); ++i) {
          const auto k = channel + static_cast<std::int64_t>(i);
          y[i] = apply(c.activation, (row(pixel)[i] - m.mean) * inverse * scale[k] + shift[k]);
        }
        store(y, args.y, at(pixel));
      }
    }
  });
}

}  // namespace sumi::ref
