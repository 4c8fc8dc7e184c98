#include "ops/linear.h"

#include "ops/dispatch.h"

namespace sumi {

double LinearOp::Case::flops() const {
  return 2.0 * static_cast<double>(rows) * static_cast<double>(in) * static_cast<double>(weight_rows());
}

std::string LinearOp::Case::text() const {
  std::string text = fmt::format("{}x{} -> {} {}", rows, in, out, name_of(x));
  if (y != x) text += fmt::format(" -> {}", name_of(y));
  if (activation != Activation::none) text += fmt::format(" {}", name_of(activation));
  if (gated) text += " gated";
  if (residual) text += " +residual";
  if (rounding != Rounding::none) text += fmt::format(" {}", name_of(rounding));
  return text;
}

Tensor linear(Context& ctx, const Tensor& x, const Weight& weight, const LinearOptions& options) {
  const Shape& w = weight.shape();
  check(x.shape().rank() >= 1 && w.rank() == 2 && x.contiguous(), ErrorCode::internal,
        "linear: input {} and weight {} are not rows and a matrix", x.shape().text(), w.text());
  check(x.shape()[-1] == w[1], ErrorCode::internal, "linear: input has {} channels, weight wants {}", x.shape()[-1],
        w[1]);
  check(!options.gated || w[0] % 2 == 0, ErrorCode::internal, "linear: a gated weight has {} rows, an odd number",
        w[0]);
  const LinearOp::Case c{.rows = x.rows(),
                         .in = w[1],
                         .out = options.gated ? w[0] / 2 : w[0],
                         .x = x.dtype(),
                         .y = options.type.value_or(x.dtype()),
                         .activation = options.activation,
                         .gated = options.gated,
                         .bias = options.bias && *options.bias,
                         .residual = static_cast<bool>(options.residual),
                         .rounding = options.rounding};
  Shape out = x.shape();
  out[-1] = c.out;
  check(!c.bias || options.bias->size() == w[0], ErrorCode::internal, "linear: bias of {} values, weight of {} rows",
        c.bias ? options.bias->size() : 0, w[0]);
  check(!c.residual ||
            (options.residual.shape() == out && options.residual.dtype() == c.y && options.residual.contiguous()),
        ErrorCode::internal, "linear: residual {}, output {}", options.residual.shape().text(), out.text());
  const Tensor y = options.into ? options.into : ctx.tensor(out, c.y);
  check(y.shape() == out && y.dtype() == c.y && y.contiguous(), ErrorCode::internal, "linear: {} into {}", out.text(),
        y.shape().text());
  const DType bias_type = ctx.backend.operations().choose<LinearOp>(c).plan.bias_type;
  const Tensor bias = c.bias ? options.bias->on(ctx.backend, bias_type) : Tensor();
  dispatch<LinearOp>(ctx, c, {.x = x, .bias = bias, .residual = options.residual, .y = y}, &weight);
  return y;
}

std::string BiasOp::Case::text() const {
  return fmt::format("{}x{} {}{}", rows, out, name_of(y), residual ? " +residual" : "");
}

void fill(Context& ctx, const Vector& bias, const Tensor& residual, const Tensor& y) {
  const BiasOp::Case c{.rows = y.rows(), .out = y.size(-1), .y = y.dtype(), .residual = static_cast<bool>(residual)};
  check(y.contiguous() && bias.size() == c.out, ErrorCode::internal, "bias: {} values into {}", bias.size(),
        y.shape().text());
  check(!c.residual || (residual.shape() == y.shape() && residual.dtype() == c.y && residual.contiguous()),
        ErrorCode::internal, "bias: residual {}, output {}", residual.shape().text(), y.shape().text());
  dispatch<BiasOp>(ctx, c, {.bias = bias.on(ctx.backend), .residual = residual, .y = y});
}

}  // namespace sumi
