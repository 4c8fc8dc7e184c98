#include <vector>

#include "backend/ref/plain.h"

namespace sumi::ref {

void run(const EmbeddingOp::Case& c, const EmbeddingOp::Args& args) {
  const auto* tokens = reinterpret_cast<const float*>(args.packed);
  const auto* ids = args.ids.data<std::int32_t>();
  const auto* positions = args.positions.data<float>();
  std::vector<double> y(static_cast<std::size_t>(c.channels));
  for (std::int64_t row = 0; row < c.batch * c.length; ++row) {
    const float* token = tokens + ids[row] * c.channels;
    const float* position = positions + row % c.length * c.channels;
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<double>(token[i]) + static_cast<double>(position[i]);
    store(y, args.y, row * c.channels);
  }
}

}  // namespace sumi::ref
