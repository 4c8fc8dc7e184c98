#include <algorithm>
#include <array>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {

// All terms of a chunk are read before it is written: y may be one of them.
void run(const CombineOp::Case& c, const CombineOp::Args& args) {
  parallel_for(c.elements, 1024, [&](std::int64_t begin, std::int64_t end) {
    std::array<float, 1024> x;
    for (std::int64_t first = begin; first < end; first += 1024) {
      const auto n = static_cast<std::size_t>(std::min<std::int64_t>(end - first, 1024));
      std::array<double, 1024> y{};
      for (std::size_t term = 0; term < c.terms; ++term) {
        load(args.x[term], first, std::span(x).first(n));
        for (std::size_t i = 0; i < n; ++i) y[i] += args.coefficient[term] * x[i];
      }
      if (c.clamped) {
        for (std::size_t i = 0; i < n; ++i) y[i] = std::clamp(y[i], -args.limit, args.limit);
      }
      store(std::span(y).first(n), args.y, first);
    }
  });
}

}  // namespace sumi::ref
