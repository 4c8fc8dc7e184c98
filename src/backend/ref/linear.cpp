#include <algorithm>
#include <vector>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {
namespace {

/// sums[o * block + p] of rows first .. first + count, the products with all weight rows.
class RowProducts {
 public:
  RowProducts(const LinearOp::Case& c, const LinearOp::Args& args)
      : c_(c),
        args_(args),
        x_(static_cast<std::size_t>(c.in)),
        columns_(static_cast<std::size_t>(c.in * block)),
        sums_(static_cast<std::size_t>(c.weight_rows() * block)),
        w_(c.rounding != Rounding::none ? static_cast<std::size_t>(c.in) : 0) {}

  void compute(std::int64_t first, std::int64_t count) {
    std::fill(columns_.begin(), columns_.end(), 0.0);
    for (std::int64_t p = 0; p < count; ++p) {
      load(args_.x, (first + p) * c_.in, x_);
      if (c_.rounding != Rounding::none) steps_[p] = round_to(c_.rounding, x_);
      for (std::size_t i = 0; i < x_.size(); ++i) columns_[i * block + static_cast<std::size_t>(p)] = x_[i];
    }
    const auto* weights = reinterpret_cast<const float*>(args_.packed);
    for (std::int64_t o = 0; o < c_.weight_rows(); ++o) {
      double* sums = sums_.data() + o * block;
      if (c_.rounding == Rounding::none) {
        multiply(weights + o * c_.in, columns_.data(), c_.in, sums);
      } else {
        std::copy_n(weights + o * c_.in, c_.in, w_.begin());
        const double step = round_to(c_.rounding, w_);
        multiply(w_.data(), columns_.data(), c_.in, sums);
        for (std::int64_t p = 0; p < block; ++p) sums[p] *= step * steps_[p];
      }
    }
  }
  double with_bias(std::int64_t o, std::int64_t p) const {
    const double bias = c_.bias ? args_.bias.data<float>()[o] : 0.0f;
    return sums_[static_cast<std::size_t>(o * block + p)] + bias;
  }

 private:
  const LinearOp::Case& c_;
  const LinearOp::Args& args_;
  std::vector<float> x_;
  std::vector<double> columns_, sums_;
  std::vector<float> w_;  // a row of the weight, rounded
  double steps_[block] = {};
};

}  // namespace

void run(const LinearOp::Case& c, const LinearOp::Args& args) {
  parallel_for(c.rows, block, [&](std::int64_t begin, std::int64_t end) {
    RowProducts products(c, args);
    std::vector<float> residual(c.residual ? static_cast<std::size_t>(c.out) : 0);
    std::vector<double> y(static_cast<std::size_t>(c.out));
    for (std::int64_t first = begin; first < end; first += block) {
      const std::int64_t count = std::min(block, end - first);
      products.compute(first, count);
      for (std::int64_t p = 0; p < count; ++p) {
        const std::int64_t at = (first + p) * c.out;
        if (c.residual) load(args.residual, at, residual);
        for (std::int64_t o = 0; o < c.out; ++o) {
          double value = products.with_bias(o, p);
          value = c.gated ? value * apply(c.activation, products.with_bias(c.out + o, p)) : apply(c.activation, value);
          const auto i = static_cast<std::size_t>(o);
          y[i] = c.residual ? value + residual[i] : value;
        }
        store(y, args.y, at);
      }
    }
  });
}

}  // namespace sumi::ref
