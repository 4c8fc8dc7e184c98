#include <vector>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {

void run(const BiasOp::Case& c, const BiasOp::Args& args) {
  parallel_for(c.rows, 1, [&](std::int64_t begin, std::int64_t end) {
    const auto n = static_cast<std::size_t>(c.out);
    std::vector<float> bias(n), residual(n);
    std::vector<double> y(n);
    load(args.bias, 0, bias);
    for (std::int64_t row = begin; row < end; ++row) {
      if (c.residual) load(args.residual, row * c.out, residual);
      for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<double>(bias[i]) + residual[i];
      store(y, args.y, row * c.out);
    }
  });
}

}  // namespace sumi::ref
