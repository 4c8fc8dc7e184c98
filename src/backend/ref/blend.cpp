#include <algorithm>
#include <array>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {

void run(const BlendOp::Case& c, const BlendOp::Args& args) {
  constexpr std::int64_t kChunk = 1024;
  parallel_for(c.elements, kChunk, [&](std::int64_t begin, std::int64_t end) {
    std::array<float, kChunk> mask, a, b;
    std::array<double, kChunk> y;
    for (std::int64_t first = begin; first < end; first += kChunk) {
      const auto n = static_cast<std::size_t>(std::min(end - first, kChunk));
      load(args.mask, first, std::span(mask).first(n));
      load(args.a, first, std::span(a).first(n));
      load(args.b, first, std::span(b).first(n));
      for (std::size_t i = 0; i < n; ++i) {
        const double m = mask[i];
        y[i] = m * a[i] + (1 - m) * b[i];
      }
      store(std::span(y).first(n), args.y, first);
    }
  });
}

}  // namespace sumi::ref
