#include "models/unet.h"

#include <utility>

#include "ops/elementwise.h"
#include "ops/embedding.h"

namespace sumi {
namespace {

template <class T>
T pop(std::vector<T>& stack) {
  T last = std::move(stack.back());
  stack.pop_back();
  return last;
}

}  // namespace

UNet::UNet(UNetConfig config, const Loader& loader)
    : config_(std::move(config)),
      time_embedding_(loader.at("time_embedding"), config_.down.front().channels, config_.time_channels,
                      config_.guidance_channels),
      conv_in_(loader.at("conv_in"), config_.in_channels, config_.down.front().channels),
      conv_out_(loader.at("conv_out"), config_.up.back().channels, config_.out_channels),
      norm_out_(loader.at("conv_norm_out"), config_.up.back().channels, config_.groups, config_.epsilon) {
  if (config_.added_channels) {
    added_embedding_.emplace(loader.at("add_embedding"), config_.added_channels, config_.time_channels);
  }
  std::vector<std::int64_t> skips{config_.down.front().channels};
  make_down(loader, skips);
  if (config_.middle) {
    const std::vector<std::int64_t> inputs(static_cast<std::size_t>(config_.middle->layers), config_.middle->channels);
    middle_ = make_stage(loader.at("mid_block"), *config_.middle, inputs);
  }
  make_up(loader, skips);
}

/// `inputs`: the channels that each resnet block gets.
UNet::Stage UNet::make_stage(const Loader& loader, const UNetConfig::Stage& sizes,
                             std::span<const std::int64_t> inputs) {
  Stage stage{.name = layer_name(loader), .first_transformer = transformers_};
  for (int i = 0; i < sizes.layers; ++i) {
    stage.resnets.emplace_back(loader.at("resnets", i), ResnetBlock::Sizes{.in = inputs[static_cast<std::size_t>(i)],
                                                                           .out = sizes.channels,
                                                                           .groups = config_.groups,
                                                                           .epsilon = config_.epsilon,
                                                                           .time = config_.time_channels});
  }
  for (int i = 0; const std::int64_t depth : sizes.depths) {
    stage.transformers.emplace_back(loader.at("attentions", i++),
                                    SpatialTransformer::Sizes{.channels = sizes.channels,
                                                              .prompt_channels = sizes.prompt_channels,
                                                              .heads = sizes.heads,
                                                              .groups = config_.groups,
                                                              .depth = depth});
  }
  transformers_ += stage.transformers.size();
  return stage;
}

/// `skips`: the channels of what the way down leaves for the way up.
void UNet::make_down(const Loader& loader, std::vector<std::int64_t>& skips) {
  std::int64_t channels = skips.back();
  for (std::size_t i = 0; i < config_.down.size(); ++i) {
    const auto& sizes = config_.down[i];
    const Loader here = loader.at("down_blocks", static_cast<int>(i));
    std::vector<std::int64_t> inputs(static_cast<std::size_t>(sizes.layers), sizes.channels);
    inputs.front() = std::exchange(channels, sizes.channels);
    Stage& stage = down_.emplace_back(make_stage(here, sizes, inputs));
    skips.insert(skips.end(), inputs.size(), channels);
    if (i + 1 == config_.down.size()) continue;
    stage.downsample.emplace(here.at("downsamplers", 0), channels);
    skips.push_back(channels);
  }
}

void UNet::make_up(const Loader& loader, std::vector<std::int64_t>& skips) {
  std::int64_t channels = config_.down.back().channels;
  for (std::size_t i = 0; i < config_.up.size(); ++i) {
    const auto& sizes = config_.up[i];
    const Loader here = loader.at("up_blocks", static_cast<int>(i));
    std::vector<std::int64_t> inputs;
    for (int layer = 0; layer < sizes.layers; ++layer) {
      inputs.push_back(std::exchange(channels, sizes.channels) + pop(skips));
    }
    Stage& stage = up_.emplace_back(make_stage(here, sizes, inputs));
    if (i + 1 < config_.up.size()) stage.upsample.emplace(here.at("upsamplers", 0), channels);
  }
}

UNet::Conditioning UNet::prepare(Context& ctx, const Prompt& prompt) const {
  const Trace::Span span(ctx.trace, "layer", "prompt keys and values");
  Conditioning conditioning;
  const auto add = [&](const Stage& stage) {
    for (const auto& transformer : stage.transformers) {
      conditioning.keys.push_back(transformer.prepare(ctx, prompt.tokens));
    }
  };
  for (const Stage& stage : down_) add(stage);
  if (middle_) add(*middle_);
  for (const Stage& stage : up_) add(stage);

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

Tensor UNet::embed_added(Context& ctx, const Prompt& prompt) const {
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

Tensor UNet::operator()(Context& ctx, const Tensor& latent, const Tensor& timesteps,
                        const Conditioning& conditioning) const {
  check(latent.size(-1) == config_.in_channels, ErrorCode::internal, "unet: latents {}, the model takes {} channels",
        latent.shape().text(), config_.in_channels);
  check(conditioning.keys.size() == transformers_, ErrorCode::internal,
        "unet: the prompt was prepared for {} transformers, the model has {}", conditioning.keys.size(), transformers_);
  const Step step{embed_time(ctx, timesteps, conditioning), conditioning};
  std::vector<Tensor> skips;
  Tensor x = conv_in_(ctx, cast(ctx, latent, ctx.type));
  x = down(ctx, std::move(x), skips, step);
  if (middle_) x = middle(ctx, std::move(x), step);
  x = up(ctx, std::move(x), skips, step);
  x = norm_out_(ctx, x, Activation::silu);
  return conv_out_(ctx, x, {.type = DType::f32});
}

Tensor UNet::embed_time(Context& ctx, const Tensor& timesteps, const Conditioning& conditioning) const {
  Tensor time = sinusoid(ctx, timesteps, config_.down.front().channels,
                         {.shift = config_.frequency_shift, .cosine_first = config_.cosine_first});
  time = time_embedding_(ctx, std::move(time), conditioning.guidance, conditioning.added);
  return activate(ctx, time, Activation::silu);
}

Tensor UNet::transform(Context& ctx, const Stage& stage, std::size_t i, Tensor x, const Step& step) const {
  return stage.transformers[i](ctx, std::move(x), step.conditioning.keys[stage.first_transformer + i]);
}

Tensor UNet::down(Context& ctx, Tensor x, std::vector<Tensor>& skips, const Step& step) const {
  skips.push_back(x);
  for (const Stage& stage : down_) {
    const Trace::Span span(ctx.trace, "layer", stage.name);
    for (std::size_t i = 0; i < stage.resnets.size(); ++i) {
      x = stage.resnets[i](ctx, std::move(x), step.time);
      if (!stage.transformers.empty()) x = transform(ctx, stage, i, std::move(x), step);
      skips.push_back(x);
    }
    if (!stage.downsample) continue;
    x = (*stage.downsample)(ctx, x);
    skips.push_back(x);
  }
  return x;
}

Tensor UNet::middle(Context& ctx, Tensor x, const Step& step) const {
  const Trace::Span span(ctx.trace, "layer", middle_->name);
  x = middle_->resnets.front()(ctx, std::move(x), step.time);
  for (std::size_t i = 0; i < middle_->transformers.size(); ++i) {
    x = transform(ctx, *middle_, i, std::move(x), step);
    x = middle_->resnets[i + 1](ctx, std::move(x), step.time);
  }
  return x;
}

Tensor UNet::up(Context& ctx, Tensor x, std::vector<Tensor>& skips, const Step& step) const {
  for (const Stage& stage : up_) {
    const Trace::Span span(ctx.trace, "layer", stage.name);
    for (std::size_t i = 0; i < stage.resnets.size(); ++i) {
      x = concat(ctx, x, pop(skips));
      x = stage.resnets[i](ctx, std::move(x), step.time);
      if (!stage.transformers.empty()) x = transform(ctx, stage, i, std::move(x), step);
    }
    // Not simply twice as large: halving an odd size rounded up.
    if (stage.upsample) x = (*stage.upsample)(ctx, std::move(x), skips.back().size(1), skips.back().size(2));
  }
  return x;
}

}  // namespace sumi
