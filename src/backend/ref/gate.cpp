#include <vector>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {

void run(const GateOp::Case& c, const GateOp::Args& args) {
  parallel_for(c.rows, 1, [&](std::int64_t begin, std::int64_t end) {
    const auto n = static_cast<std::size_t>(c.out);
    std::vector<float> values(n), gates(n);
    std::vector<double> y(n);
    for (std::int64_t row = begin; row < end; ++row) {
      load(args.x, 2 * row * c.out, values);
      load(args.x, (2 * row + 1) * c.out, gates);
      for (std::size_t i = 0; i < n; ++i) y[i] = values[i] * apply(c.activation, gates[i]);
      store(y, args.y, row * c.out);
    }
  });
}

}  // namespace sumi::ref
