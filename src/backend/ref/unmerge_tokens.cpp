#include <vector>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {

void run(const UnmergeTokensOp::Case& c, const UnmergeTokensOp::Args& args) {
  const auto* places = args.place.data<std::int32_t>();
  parallel_for(c.batch * c.tokens, 64, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> x(static_cast<std::size_t>(c.channels)), residual(x.size());
    std::vector<double> y(x.size());
    for (std::int64_t token = begin; token < end; ++token) {
      load(args.x, (token / c.tokens * c.length + places[token]) * c.channels, x);
      load(args.residual, token * c.channels, residual);
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<double>(x[i]) + static_cast<double>(residual[i]);
      store(y, args.y, token * c.channels);
    }
  });
}

}  // namespace sumi::ref
