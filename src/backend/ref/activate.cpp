#include <array>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {

void run(const ActivateOp::Case& c, const ActivateOp::Args& args) {
  parallel_for(c.elements, 1024, [&](std::int64_t begin, std::int64_t end) {
    std::array<float, 1024> x;
    std::array<double, 1024> y;
    for (std::int64_t first = begin; first < end; first += 1024) {
      const auto n = static_cast<std::size_t>(std::min<std::int64_t>(end - first, 1024));
      load(args.x, first, std::span(x).first(n));
      for (std::size_t i = 0; i < n; ++i) y[i] = apply(c.activation, x[i]);
      store(std::span(y).first(n), args.y, first);
    }
  });
}

}  // namespace sumi::ref
