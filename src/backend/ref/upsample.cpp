#include <cstring>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {

void run(const UpsampleOp::Case& c, const UpsampleOp::Args& args) {
  const auto pixel = static_cast<std::size_t>(c.channels) * bytes_of(c.x);
  parallel_for(c.batch * c.out_height, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t n = line / c.out_height, i = line % c.out_height * c.height / c.out_height;
      for (std::int64_t j = 0; j < c.out_width; ++j) {
        const std::int64_t from = (n * c.height + i) * c.width + j * c.width / c.out_width;
        const std::int64_t to = line * c.out_width + j;
        std::memcpy(args.y.raw() + static_cast<std::size_t>(to) * pixel,
                    args.x.raw() + static_cast<std::size_t>(from) * pixel, pixel);
      }
    }
  });
}

}  // namespace sumi::ref
