#include "ops/conv2d.h"

#include "ops/dispatch.h"

namespace sumi {

double Conv2dOp::Case::flops() const {
  const auto pixels = static_cast<double>(batch * out_height() * out_width());
  return 2.0 * pixels * static_cast<double>(out_channels) * static_cast<double>(in_channels * kernel * kernel);
}

std::string Conv2dOp::Case::text() const {
  std::string text = fmt::format("{}x{}x{}x{}{} -> {}, {}x{}", batch, height, width, in_channels,
                                 upsampled ? " upsampled" : "", out_channels, kernel, kernel);
  if (stride != 1) text += fmt::format(" / {}", stride);
  text += fmt::format(" {}", name_of(x));
  if (y != x) text += fmt::format(" -> {}", name_of(y));
  if (activation != Activation::none) text += fmt::format(" {}", name_of(activation));
  if (row) text += " +row";
  if (residual) text += " +residual";
  return text;
}

Tensor conv2d(Context& ctx, const Tensor& x, const Weight& weight, const Conv2dOptions& options) {
  const Shape& s = x.shape();
  const Shape& w = weight.shape();
  check(s.rank() == 4 && w.rank() == 4 && w[2] == w[3] && x.contiguous(), ErrorCode::internal,
        "conv2d: input {} and weight {} are not pictures and a filter bank", s.text(), w.text());
  check(s[3] == w[1], ErrorCode::internal, "conv2d: input has {} channels, weight wants {}", s[3], w[1]);
  check(options.stride > 0, ErrorCode::internal, "conv2d: a stride of {}", options.stride);
  const Conv2dOp::Padding& pad = options.padding;
  const Conv2dOp::Case c{.batch = s[0],
                         .height = s[1],
                         .width = s[2],
                         .in_channels = s[3],
                         .out_channels = w[0],
                         .kernel = w[2],
                         .stride = options.stride,
                         .padding = pad,
                         .x = x.dtype(),
                         .y = options.type.value_or(x.dtype()),
                         .activation = options.activation,
                         .bias = options.bias && *options.bias,
                         .row = static_cast<bool>(options.row),
                         .residual = static_cast<bool>(options.residual),
                         .upsampled = options.upsampled};
  check(c.height * c.repeats() + pad.top + pad.bottom >= w[2] && c.width * c.repeats() + pad.left + pad.right >= w[2],
        ErrorCode::internal, "conv2d: input {} is smaller than its kernel of {}", s.text(), w[2]);
  const Shape out{c.batch, c.out_height(), c.out_width(), c.out_channels};
  check(!c.bias || options.bias->size() == w[0], ErrorCode::internal, "conv2d: bias of {} values, {} outputs",
        c.bias ? options.bias->size() : 0, w[0]);
  check(!c.row ||
            (options.row.shape() == Shape{s[0], w[0]} && options.row.dtype() == x.dtype() && options.row.contiguous()),
        ErrorCode::internal, "conv2d: row {} {}, expected {}x{} {}", options.row.shape().text(),
        name_of(options.row.dtype()), s[0], w[0], name_of(x.dtype()));
  check(!c.residual ||
            (options.residual.shape() == out && options.residual.dtype() == c.y && options.residual.contiguous()),
        ErrorCode::internal, "conv2d: residual {}, output {}", options.residual.shape().text(), out.text());
  Tensor y = ctx.tensor(out, c.y);
  dispatch<Conv2dOp>(ctx, c,
                     {.x = x,
                      .bias = c.bias ? options.bias->on(ctx.backend) : Tensor(),
                      .row = options.row,
                      .residual = options.residual,
                      .y = y},
                     &weight);
  return y;
}

}  // namespace sumi
