#include "ops/layout.h"

#include <algorithm>

#include "ops/dispatch.h"

namespace sumi {

std::string ConcatOp::Case::text() const {
  return fmt::format("{}x({} + {}) {}", rows, a_channels, b_channels, name_of(x));
}

std::string UpsampleOp::Case::text() const {
  return fmt::format("{}x{}x{}x{} -> {}x{} {}", batch, height, width, channels, out_height, out_width, name_of(x));
}

Tensor concat(Context& ctx, const Tensor& a, const Tensor& b) {
  const Shape& s = a.shape();
  check(s.rank() >= 1 && s.rank() == b.shape().rank() && std::equal(s.begin(), s.end() - 1, b.shape().begin()) &&
            a.dtype() == b.dtype() && a.contiguous() && b.contiguous(),
        ErrorCode::internal, "concat: {} {} and {} {}", s.text(), name_of(a.dtype()), b.shape().text(),
        name_of(b.dtype()));
  Shape out = s;
  out[-1] += b.shape()[-1];
  Tensor y = ctx.tensor(out, a.dtype());
  dispatch<ConcatOp>(ctx, {.rows = a.rows(), .a_channels = s[-1], .b_channels = b.shape()[-1], .x = a.dtype()},
                     {.a = a, .b = b, .y = y});
  return y;
}

Tensor upsample(Context& ctx, const Tensor& x, std::int64_t out_height, std::int64_t out_width) {
  const Shape& s = x.shape();
  check(s.rank() == 4 && x.contiguous() && out_height > 0 && out_width > 0, ErrorCode::internal,
        "upsample: {} to {}x{}", s.text(), out_height, out_width);
  Tensor y = ctx.tensor({s[0], out_height, out_width, s[3]}, x.dtype());
  dispatch<UpsampleOp>(ctx,
                       {.batch = s[0],
                        .height = s[1],
                        .width = s[2],
                        .channels = s[3],
                        .out_height = out_height,
                        .out_width = out_width,
                        .x = x.dtype()},
                       {.x = x, .y = y});
  return y;
}

}  // namespace sumi
