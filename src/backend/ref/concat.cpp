#include <cstring>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {

void run(const ConcatOp::Case& c, const ConcatOp::Args& args) {
  const auto a_bytes = static_cast<std::size_t>(c.a_channels) * bytes_of(c.x);
  const auto b_bytes = static_cast<std::size_t>(c.b_channels) * bytes_of(c.x);
  parallel_for(c.rows, 64, [&](std::int64_t begin, std::int64_t end) {
    for (auto row = static_cast<std::size_t>(begin); row < static_cast<std::size_t>(end); ++row) {
      std::byte* y = args.y.raw() + row * (a_bytes + b_bytes);
      if (a_bytes) std::memcpy(y, args.a.raw() + row * a_bytes, a_bytes);
      if (b_bytes) std::memcpy(y + a_bytes, args.b.raw() + row * b_bytes, b_bytes);
    }
  });
}

}  // namespace sumi::ref
