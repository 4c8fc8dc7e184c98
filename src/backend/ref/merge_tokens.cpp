#include <vector>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {

// A thread adds up the rows [begin, end) of all tokens that have a place there.
void run(const MergeTokensOp::Case& c, const MergeTokensOp::Args& args) {
  const auto channels = static_cast<std::size_t>(c.channels);
  const auto* places = args.place.data<std::int32_t>();
  parallel_for(c.batch * c.length, 64, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> x(channels);
    std::vector<double> sums(static_cast<std::size_t>(end - begin) * channels);
    std::vector<double> counts(static_cast<std::size_t>(end - begin));
    const std::int64_t last_picture = (end - 1) / c.length;
    for (std::int64_t token = begin / c.length * c.tokens; token < (last_picture + 1) * c.tokens; ++token) {
      const std::int64_t row = token / c.tokens * c.length + places[token];
      if (row < begin || row >= end) continue;
      load(args.x, token * c.channels, x);
      double* sum = sums.data() + static_cast<std::size_t>(row - begin) * channels;
      for (std::size_t i = 0; i < channels; ++i) sum[i] += x[i];
      ++counts[static_cast<std::size_t>(row - begin)];
    }
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] /= counts[i / channels];
    store(sums, args.y, begin * c.channels);
  });
}

}  // namespace sumi::ref
