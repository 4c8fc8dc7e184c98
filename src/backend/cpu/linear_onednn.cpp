#include "backend/cpu/layer_onednn.h"
#include "ops/linear.h"

namespace sumi::onednn {

Layer layer_of(const LinearOp::Case& c) {
  return {.x = {c.rows, c.in},
          .weights = {c.in, c.out},
          .y = {c.rows, c.out},
          .x_type = c.x,
          .y_type = c.y,
          .activation = c.activation,
          .gated = c.gated,
          .bias = c.bias,
          .residual = c.residual,
          .rounding = c.rounding,
          .text = fmt::format("linear {}", c.text())};
}

LayerArgs args_of(const LinearOp::Args& args) {
  return {args.x.raw(), args.packed, args.bias.raw(), nullptr, args.residual.raw(), args.y.raw()};
}

}  // namespace sumi::onednn
