#include <cmath>
#include <vector>

#include "backend/ref/moments.h"
#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {

void run(const LayerNormOp::Case& c, const LayerNormOp::Args& args) {
  const auto *scale = args.scale.data<float>(), *shift = args.shift.data<float>();
  parallel_for(c.rows, 4, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> x(static_cast<std::size_t>(c.channels));
    std::vector<double> y(x.size());
    for (std::int64_t row = begin; row < end; ++row) {
      load(args.x, row * c.channels, x);
      const Moments m = moments(x);
      const double inverse = 1 / std::sqrt(m.variance + c.epsilon);
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = (x[i] - m.mean) * inverse * scale[i] + shift[i];
      store(y, args.y, row * c.channels);
    }
  });
}

}  // namespace sumi::ref
