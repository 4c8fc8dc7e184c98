#include "ops/norm.h"

#include "ops/dispatch.h"

namespace sumi {

std::string GroupNormOp::Case::text() const {
  return fmt::format("{}x{}x{} in {} groups {}{}{}", batch, pixels, channels, groups, name_of(x),
                     activation == Activation::none ? "" : " ",
                     activation == Activation::none ? "" : name_of(activation));
}

std::string LayerNormOp::Case::text() const { return fmt::format("{}x{} {}", rows, channels, name_of(x)); }

Tensor group_norm(Context& ctx, const Tensor& x, const Vector& scale, const Vector& shift, std::int64_t groups,
                  double epsilon, Activation activation) {
  const Shape& s = x.shape();
  check(s.rank() >= 3 && x.contiguous() && scale.size() == s[-1] && shift.size() == s[-1], ErrorCode::internal,
        "group_norm: input {}, {} scales and {} shifts", s.text(), scale.size(), shift.size());
  check(groups > 0 && s[-1] % groups == 0, ErrorCode::internal, "group_norm: {} channels in {} groups", s[-1], groups);
  const std::int64_t pixels = x.rows() / std::max<std::int64_t>(s[0], 1);
  Tensor y = ctx.tensor(s, x.dtype());
  dispatch<GroupNormOp>(ctx,
                        {.batch = s[0],
                         .pixels = pixels,
                         .channels = s[-1],
                         .groups = groups,
                         .epsilon = epsilon,
                         .activation = activation,
                         .x = x.dtype()},
                        {.x = x, .scale = scale.on(ctx.backend), .shift = shift.on(ctx.backend), .y = y});
  return y;
}

Tensor layer_norm(Context& ctx, const Tensor& x, const Vector& scale, const Vector& shift, double epsilon) {
  const Shape& s = x.shape();
  check(s.rank() >= 1 && x.contiguous() && scale.size() == s[-1] && shift.size() == s[-1], ErrorCode::internal,
        "layer_norm: input {}, {} scales and {} shifts", s.text(), scale.size(), shift.size());
  Tensor y = ctx.tensor(s, x.dtype());
  dispatch<LayerNormOp>(ctx, {.rows = x.rows(), .channels = s[-1], .epsilon = epsilon, .x = x.dtype()},
                        {.x = x, .scale = scale.on(ctx.backend), .shift = shift.on(ctx.backend), .y = y});
  return y;
}

}  // namespace sumi
