#include <cmath>
#include <numeric>
#include <vector>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {
namespace {

template <class T>
double standard_deviation(const std::vector<T>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (n - 1));
}

}  // namespace

void run(const GuideOp::Case& c, const GuideOp::Args& args) {
  parallel_for(c.batch, 1, [&](std::int64_t begin, std::int64_t end) {
    const auto n = static_cast<std::size_t>(c.elements);
    std::vector<float> unconditional(n), conditional(n);
    std::vector<double> y(n);
    for (std::int64_t picture = begin; picture < end; ++picture) {
      load(args.x, picture * c.elements, unconditional);
      load(args.x, (c.batch + picture) * c.elements, conditional);
      for (std::size_t i = 0; i < n; ++i) {
        const double u = unconditional[i];
        y[i] = u + args.guidance * (conditional[i] - u);
      }
      if (c.rescaled) {
        const double ratio = standard_deviation(conditional) / standard_deviation(y);
        const double factor = args.rescale * ratio + (1 - args.rescale);
        for (double& value : y) value *= factor;
      }
      store(y, args.y, picture * c.elements);
    }
  });
}

}  // namespace sumi::ref
