#include "models/unet_encoder.h"

#include <utility>

#include "ops/elementwise.h"
#include "ops/embedding.h"

namespace sumi {

UNetEncoder::UNetEncoder(UNetEncoderConfig config, const Loader& loader)
    : config_(std::move(config)),
      skip_channels_{config_.down.front().channels},
      time_embedding_(loader.at("time_embedding"), config_.down.front().channels, config_.time_channels,
                      config_.guidance_channels),
      conv_in_(loader.at("conv_in"), config_.in_channels, config_.down.front().channels) {
  if (config_.added_channels) {
    added_embedding_.emplace(loader.at("add_embedding"), config_.added_channels, config_.time_channels);
  }
  std::int64_t channels = skip_channels_.back();
  for (std::size_t i = 0; i < config_.down.size(); ++i) {
    const auto& sizes = config_.down[i];
    const Loader here = loader.at("down_blocks", static_cast<int>(i));
    std::vector<std::int64_t> inputs(static_cast<std::size_t>(sizes.layers), sizes.channels);
    inputs.front() = std::exchange(channels, sizes.channels);
    UNetStage& stage = down_.emplace_back(here, sizes, inputs, config_.common(), transformers_);
    transformers_ += stage.transformers.size();
    skip_channels_.insert(skip_channels_.end(), inputs.size(), channels);
    if (i + 1 == config_.down.size()) continue;
    stage.downsample.emplace(here.at("downsamplers", 0), channels);
    skip_channels_.push_back(channels);
  }
  if (config_.middle) {
    const std::vector<std::int64_t> inputs(static_cast<std::size_t>(config_.middle->layers), config_.middle->channels);
    middle_.emplace(loader.at("mid_block"), *config_.middle, inputs, config_.common(), transformers_);
    transformers_ += middle_->transformers.size();
  }
}

UNetEncoder::Conditioning UNetEncoder::prepare(Context& ctx, const Prompt& prompt) const {
  Conditioning conditioning;
  for (const UNetStage& stage : down_) stage.prepare(ctx, prompt.tokens, prompt.silent, conditioning.keys);
  if (middle_) middle_->prepare(ctx, prompt.tokens, prompt.silent, conditioning.keys);

  const std::int64_t batch = prompt.tokens.size(0);
  if (config_.guidance_channels) {
    // The scale as Luo et al. (2023) embed it: from 1 upwards, in thousandths, sines first.
    const std::vector<float> scales(static_cast<std::size_t>(batch), static_cast<float>((prompt.guidance - 1) * 1000));
    conditioning.guidance =
        sinusoid(ctx, ctx.upload(scales, {batch}), config_.guidance_channels, {.shift = 1, .cosine_first = false});
  }
  if (added_embedding_) conditioning.added = embed_added(ctx, prompt);
  return conditioning;
}

Tensor UNetEncoder::embed_added(Context& ctx, const Prompt& prompt) const {
  const std::int64_t batch = prompt.tokens.size(0), channels = config_.size_channels;
  const auto count = static_cast<std::int64_t>(prompt.sizes.size());
  check(prompt.pooled && count % batch == 0 &&
            prompt.pooled.size(-1) + count / batch * channels == config_.added_channels,
        ErrorCode::internal, "unet: a pooled prompt of {} channels and {} sizes of {} channels for {} added channels",
        prompt.pooled ? prompt.pooled.size(-1) : 0, count / batch, channels, config_.added_channels);
  const Tensor sizes = sinusoid(ctx, ctx.upload(prompt.sizes, {count}), channels,
                                {.shift = config_.frequency_shift, .cosine_first = config_.cosine_first});
  return (*added_embedding_)(ctx, concat(ctx, prompt.pooled, sizes.reshape({batch, count / batch * channels})));
}

UNetStep UNetEncoder::begin(Context& ctx, const Tensor& timesteps, const Conditioning& conditioning) const {
  Tensor time = sinusoid(ctx, timesteps, config_.down.front().channels,
                         {.shift = config_.frequency_shift, .cosine_first = config_.cosine_first});
  time = time_embedding_(ctx, std::move(time), conditioning.guidance, conditioning.added);
  return {activate(ctx, time, Activation::silu), conditioning.keys};
}

Tensor UNetEncoder::down(Context& ctx, const Tensor& latent, std::vector<Tensor>& skips, const UNetStep& step,
                         const Tensor& hint, std::size_t most) const {
  check(latent.size(-1) == config_.in_channels, ErrorCode::internal, "unet: latents {}, the model takes {} channels",
        latent.shape().text(), config_.in_channels);
  Tensor x = conv_in_(ctx, cast(ctx, latent, ctx.type), {.residual = hint});
  skips.push_back(x);
  for (const UNetStage& stage : down_) {
    if (skips.size() == most) break;
    const Trace::Span span(ctx.trace, "layer", stage.name);
    for (std::size_t i = 0; i < stage.resnets.size() && skips.size() < most; ++i) {
      x = stage.layer(ctx, i, std::move(x), step);
      skips.push_back(x);
    }
    if (!stage.downsample || skips.size() == most) continue;
    x = (*stage.downsample)(ctx, x);
    skips.push_back(x);
  }
  return x;
}

Tensor UNetEncoder::middle(Context& ctx, Tensor x, const UNetStep& step) const {
  if (!middle_) return x;
  const Trace::Span span(ctx.trace, "layer", middle_->name);
  x = middle_->resnets.front()(ctx, x, step.time_of(x));
  for (std::size_t i = 0; i < middle_->transformers.size(); ++i) {
    x = middle_->transform(ctx, i, std::move(x), step);
    x = middle_->resnets[i + 1](ctx, x, step.time_of(x));
  }
  return x;
}

}  // namespace sumi
