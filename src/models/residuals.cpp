#include "models/residuals.h"

#include <array>
#include <cmath>
#include <utility>

#include "ops/elementwise.h"

namespace sumi {
namespace {

Tensor sum_of(Context& ctx, const Term& a, const Term& b, const Tensor& into) {
  return combine(ctx, std::array{a, b}, {.into = into});
}

void add_to_last(Context& ctx, const Tensor& x, const Tensor& residual) {
  Shape expected = x.shape();
  expected[0] = std::min(expected[0], residual.size(0));
  check(residual.shape() == expected, ErrorCode::usage, "the ControlNet gives {} for the UNet's {}: another family's?",
        residual.shape().text(), x.shape().text());
  const Tensor last = x.slice(x.size(0) - residual.size(0), x.size(0));
  sum_of(ctx, {1, last}, {1, residual}, last);
}

}  // namespace

void accumulate(Context& ctx, Residuals& sum, Residuals more, double weight, bool guess_mode) {
  const bool first = !sum;
  check(first || sum.down.size() == more.down.size(), ErrorCode::usage,
        "ControlNets of {} and of {} layers do not go together", sum.down.size(), more.down.size());
  const double layers = static_cast<double>(more.down.size());
  const auto add = [&](Tensor& total, Tensor& part, double depth) {
    const double factor = guess_mode ? weight * std::pow(10.0, depth / layers - 1) : weight;
    if (first) {
      total = factor == 1 ? part : combine(ctx, std::array{Term{factor, part}}, {.into = part});
    } else {
      sum_of(ctx, {1, total}, {factor, part}, total);
    }
    part = {};
  };
  sum.down.resize(more.down.size());
  for (std::size_t i = 0; i < more.down.size(); ++i) add(sum.down[i], more.down[i], static_cast<double>(i));
  add(sum.middle, more.middle, layers);
}

Tensor add_residuals(Context& ctx, const Tensor& x, std::vector<Tensor>& skips, const Residuals& residuals) {
  check(residuals.down.size() == skips.size(), ErrorCode::usage,
        "the ControlNet has {} layers, the UNet {}: another family's?", residuals.down.size(), skips.size());
  // Of its own: without a middle, x is the last of the skips.
  Tensor y = combine(ctx, std::array{Term{1, x}});
  add_to_last(ctx, y, residuals.middle);
  add_residuals(ctx, skips, residuals);
  return y;
}

void add_residuals(Context& ctx, std::vector<Tensor>& skips, const Residuals& residuals) {
  check(residuals.down.size() >= skips.size(), ErrorCode::internal, "residuals: {} for {} skips", residuals.down.size(),
        skips.size());
  for (std::size_t i = 0; i < skips.size(); ++i) add_to_last(ctx, skips[i], residuals.down[i]);
}

}  // namespace sumi
