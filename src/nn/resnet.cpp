#include "nn/resnet.h"

namespace sumi {

ResnetBlock::ResnetBlock(const Loader& loader, const Sizes& sizes)
    : name(layer_name(loader)),
      norm1(loader.at("norm1"), sizes.in, sizes.groups, sizes.epsilon),
      norm2(loader.at("norm2"), sizes.out, sizes.groups, sizes.epsilon),
      conv1(loader.at("conv1"), sizes.in, sizes.out),
      conv2(loader.at("conv2"), sizes.out, sizes.out) {
  if (sizes.time) time_projection.emplace(loader.at("time_emb_proj"), sizes.time, sizes.out);
  if (sizes.in == sizes.out) return;
  shortcut.emplace(loader.at("conv_shortcut"), sizes.in, sizes.out);
  shortcut->may_round = sizes.time > 0;  // a denoiser's
}

Tensor ResnetBlock::operator()(Context& ctx, Tensor x, const Tensor& time) const {
  const Trace::Span span(ctx.trace, "layer", name);
  Tensor h = norm1(ctx, x, Activation::silu);
  h = conv1(ctx, h, {.row = time_projection ? (*time_projection)(ctx, time) : Tensor()});
  h = norm2(ctx, h, Activation::silu);
  if (shortcut) x = (*shortcut)(ctx, x);
  return conv2(ctx, h, {.residual = x});
}

Downsample::Downsample(const Loader& loader, std::int64_t channels, const Conv2dOp::Padding& padding)
    : conv(loader.at("conv"), channels, channels) {
  conv.stride = 2;
  conv.padding = padding;
}

Upsample::Upsample(const Loader& loader, std::int64_t channels) : conv(loader.at("conv"), channels, channels) {}

Tensor Upsample::operator()(Context& ctx, Tensor x, std::int64_t height, std::int64_t width) const {
  const bool doubles = height == 2 * x.size(1) && width == 2 * x.size(2);
  if (!doubles) x = upsample(ctx, x, height, width);
  return conv(ctx, x, {.upsampled = doubles});
}

}  // namespace sumi
