#include <algorithm>
#include <vector>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {
namespace {

/// The part of x under the kernel at output pixel `pixel` as column p, in the order of a filter: channel, then kernel
/// row, then kernel column. Zeros outside of x.
void gather(const Conv2dOp::Case& c, const Tensor& x, std::int64_t pixel, std::int64_t p, std::vector<float>& channels,
            std::vector<double>& columns) {
  const std::int64_t j = pixel % c.out_width(), line = pixel / c.out_width();
  const std::int64_t i = line % c.out_height(), n = line / c.out_height();
  for (std::int64_t u = 0; u < c.kernel; ++u) {
    for (std::int64_t v = 0; v < c.kernel; ++v) {
      const std::int64_t row = i * c.stride + u - c.padding.top, column = j * c.stride + v - c.padding.left;
      if (row < 0 || row >= c.height * c.repeats() || column < 0 || column >= c.width * c.repeats()) {
        std::fill(channels.begin(), channels.end(), 0.0f);
      } else {
        const std::int64_t y = row / c.repeats(), left = column / c.repeats();
        load(x, ((n * c.height + y) * c.width + left) * c.in_channels, channels);
      }
      for (std::int64_t k = 0; k < c.in_channels; ++k) {
        const std::int64_t at = (k * c.kernel + u) * c.kernel + v;
        columns[static_cast<std::size_t>(at * block + p)] = channels[static_cast<std::size_t>(k)];
      }
    }
  }
}

/// What is added to the sums of one output pixel before and after the activation.
class Additions {
 public:
  Additions(const Conv2dOp::Case& c, const Conv2dOp::Args& args)
      : c_(c),
        args_(args),
        before_(static_cast<std::size_t>(c.out_channels)),
        after_(static_cast<std::size_t>(c.out_channels)) {}

  void at(std::int64_t pixel) {
    std::fill(before_.begin(), before_.end(), 0.0f);
    if (c_.row) load(args_.row, pixel / (c_.out_height() * c_.out_width()) * c_.out_channels, before_);
    if (c_.residual) load(args_.residual, pixel * c_.out_channels, after_);
  }
  double apply_to(double sum, std::size_t o) const {
    const double bias = c_.bias ? args_.bias.data<float>()[o] : 0.0f;
    return apply(c_.activation, sum + bias + before_[o]) + after_[o];
  }

 private:
  const Conv2dOp::Case& c_;
  const Conv2dOp::Args& args_;
  std::vector<float> before_, after_;
};

}  // namespace

void run(const Conv2dOp::Case& c, const Conv2dOp::Args& args) {
  const std::int64_t taps = c.in_channels * c.kernel * c.kernel;
  const auto* filters = reinterpret_cast<const float*>(args.packed);
  parallel_for(c.batch * c.out_height() * c.out_width(), block, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> channels(static_cast<std::size_t>(c.in_channels));
    std::vector<double> columns(static_cast<std::size_t>(taps * block));
    std::vector<double> sums(static_cast<std::size_t>(c.out_channels * block));
    std::vector<double> y(static_cast<std::size_t>(c.out_channels));
    Additions additions(c, args);
    for (std::int64_t first = begin; first < end; first += block) {
      const std::int64_t count = std::min(block, end - first);
      for (std::int64_t p = 0; p < count; ++p) gather(c, args.x, first + p, p, channels, columns);
      for (std::int64_t o = 0; o < c.out_channels; ++o) {
        multiply(filters + o * taps, columns.data(), taps, sums.data() + o * block);
      }
      for (std::int64_t p = 0; p < count; ++p) {
        additions.at(first + p);
        for (std::size_t o = 0; o < y.size(); ++o)
          y[o] = additions.apply_to(sums[o * block + static_cast<std::size_t>(p)], o);
        store(y, args.y, (first + p) * c.out_channels);
      }
    }
  });
}

}  // namespace sumi::ref
