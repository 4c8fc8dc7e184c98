#include "ops/elementwise.h"

#include <algorithm>

#include "ops/dispatch.h"

namespace sumi {

std::string ActivateOp::Case::text() const {
  return fmt::format("{} {} -> {} {}", elements, name_of(x), name_of(y), name_of(activation));
}

std::string GateOp::Case::text() const {
  return fmt::format("{}x{} {} {}", rows, out, name_of(x), name_of(activation));
}

std::string CombineOp::Case::text() const {
  return fmt::format("{} of {} {} -> {}{}", terms, elements, name_of(x), name_of(y), clamped ? " clamped" : "");
}

std::string BlendOp::Case::text() const { return fmt::format("{} {}", elements, name_of(x)); }

std::string GuideOp::Case::text() const {
  return fmt::format("{}x{} {}{}", batch, elements, name_of(x), rescaled ? " rescaled" : "");
}

namespace {

Tensor map(Context& ctx, const Tensor& x, Activation activation, DType type) {
  check(x.contiguous(), ErrorCode::internal, "activate: {} is a view of columns", x.shape().text());
  Tensor y = ctx.tensor(x.shape(), type);
  dispatch<ActivateOp>(ctx, {.elements = x.elements(), .x = x.dtype(), .y = type, .activation = activation},
                       {.x = x, .y = y});
  return y;
}

}  // namespace

Tensor activate(Context& ctx, const Tensor& x, Activation activation) { return map(ctx, x, activation, x.dtype()); }

Tensor cast(Context& ctx, const Tensor& x, DType type) {
  return x.dtype() == type ? x : map(ctx, x, Activation::none, type);
}

Tensor gate(Context& ctx, const Tensor& x, Activation activation) {
  check(x.shape().rank() >= 1 && x.contiguous() && x.shape()[-1] % 2 == 0, ErrorCode::internal,
        "gate: {} does not hold values and gates", x.shape().text());
  Shape half = x.shape();
  half[-1] /= 2;
  Tensor y = ctx.tensor(half, x.dtype());
  dispatch<GateOp>(ctx, {.rows = x.rows(), .out = half[-1], .x = x.dtype(), .activation = activation},
                   {.x = x, .y = y});
  return y;
}

Tensor combine(Context& ctx, std::span<const Term> terms, const CombineOptions& options) {
  check(!terms.empty() && terms.size() <= CombineOp::most, ErrorCode::internal, "combine: {} terms, expected 1 to {}",
        terms.size(), CombineOp::most);
  const Tensor& first = terms.front().x;
  CombineOp::Args args;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const Tensor& x = terms[i].x;
    check(x.shape() == first.shape() && x.dtype() == first.dtype() && x.contiguous(), ErrorCode::internal,
          "combine: {} {} and {} {}", first.shape().text(), name_of(first.dtype()), x.shape().text(),
          name_of(x.dtype()));
    args.x[i] = x;
    args.coefficient[i] = terms[i].coefficient;
  }
  args.limit = options.limit.value_or(0);
  args.y = options.into ? options.into : ctx.tensor(first.shape(), first.dtype());
  check(args.y.shape() == first.shape() && args.y.contiguous(), ErrorCode::internal, "combine: {} into {}",
        first.shape().text(), args.y.shape().text());
  dispatch<CombineOp>(ctx,
                      {.elements = first.elements(),
                       .terms = terms.size(),
                       .x = first.dtype(),
                       .y = args.y.dtype(),
                       .clamped = options.limit.has_value()},
                      args);
  return args.y;
}

Tensor repeat(Context& ctx, const Tensor& x, std::span<const double> coefficients) {
  Shape shape = x.shape();
  const std::int64_t rows = shape[0];
  shape[0] *= static_cast<std::int64_t>(coefficients.size());
  const Tensor y = ctx.tensor(shape, x.dtype());
  for (std::int64_t row = 0; const double coefficient : coefficients) {
    combine(ctx, std::array{Term{coefficient, x}}, {.into = y.slice(row, row + rows)});
    row += rows;
  }
  return y;
}

Tensor repeat_to(Context& ctx, const Tensor& x, std::int64_t rows) {
  if (x.size(0) == rows) return x;
  check(rows % x.size(0) == 0, ErrorCode::internal, "repeat_to: {} to {} rows", x.shape().text(), rows);
  return repeat(ctx, x, std::vector(static_cast<std::size_t>(rows / x.size(0)), 1.0));
}

void blend(Context& ctx, const Tensor& mask, const Tensor& a, const Tensor& b, const Tensor& y) {
  for (const Tensor* x : {&mask, &a, &y}) {
    check(x->shape() == b.shape() && x->dtype() == b.dtype() && x->contiguous(), ErrorCode::internal,
          "blend: {} {} and {} {}", x->shape().text(), name_of(x->dtype()), b.shape().text(), name_of(b.dtype()));
  }
  check(b.contiguous(), ErrorCode::internal, "blend: {} is a view of columns", b.shape().text());
  dispatch<BlendOp>(ctx, {.elements = b.elements(), .x = b.dtype()}, {.mask = mask, .a = a, .b = b, .y = y});
}

Tensor guide(Context& ctx, const Tensor& x, double guidance, double rescale) {
  const Shape& s = x.shape();
  check(s.rank() >= 2 && s[0] % 2 == 0 && x.contiguous(), ErrorCode::internal,
        "guide: {} does not hold two halves of predictions", s.text());
  Shape half = s;
  half[0] /= 2;
  Tensor y = ctx.tensor(half, x.dtype());
  dispatch<GuideOp>(ctx,
                    {.batch = half[0],
                     .elements = half.elements() / std::max<std::int64_t>(half[0], 1),
                     .rescaled = rescale > 0,
                     .x = x.dtype()},
                    {.x = x, .guidance = guidance, .rescale = rescale, .y = y});
  return y;
}

}  // namespace sumi
