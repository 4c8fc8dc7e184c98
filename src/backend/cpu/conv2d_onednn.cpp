#include "backend/cpu/layer_onednn.h"
#include "ops/conv2d.h"

namespace sumi::onednn {

Layer layer_of(const Conv2dOp::Case& c) {
  Layer layer{.convolution = true,
              .x = {c.batch, c.in_channels, c.height, c.width},
              .weights = {c.out_channels, c.in_channels, c.kernel, c.kernel},
              .y = {c.batch, c.out_channels, c.out_height(), c.out_width()},
              .strides = {c.stride, c.stride},
              .low = {c.padding.top, c.padding.left},
              .high = {c.padding.bottom, c.padding.right},
              .pictures = c.batch,
              .x_type = c.x,
              .y_type = c.y,
              .activation = c.activation,
              .bias = c.bias,
              .row = c.row,
              .residual = c.residual,
              .upsampled = c.upsampled,
              .text = fmt::format("conv2d {}", c.text())};
  // One tap is a product of rows, whose packed weights suit every number of rows; oneDNN's 1 x 1 convolutions want
  // blocks of 32, 48 or 64 filters by the size of the picture.
  if (c.kernel == 1 && c.stride == 1 && c.padding == Conv2dOp::Padding{}) {
    const std::int64_t rows = c.batch * c.height * c.width;
    layer.convolution = false;
    layer.x = {rows, c.in_channels};
    layer.weights = {c.in_channels, c.out_channels};
    layer.y = {rows, c.out_channels};
  }
  return layer;
}

LayerArgs args_of(const Conv2dOp::Args& args) {
  return {args.x.raw(), args.packed, args.bias.raw(), args.row.raw(), args.residual.raw(), args.y.raw()};
}

}  // namespace sumi::onednn
