#include "models/unet.h"

#include <algorithm>
#include <utility>

#include "ops/elementwise.h"
#include "ops/layout.h"

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
      encoder_(config_, loader),
      transformers_(encoder_.transformers()),
      conv_out_(loader.at("conv_out"), config_.up.back().channels, config_.out_channels),
      norm_out_(loader.at("conv_norm_out"), config_.up.back().channels, config_.groups, config_.epsilon) {
  std::vector<std::int64_t> skips = encoder_.skip_channels();
  std::int64_t channels = config_.down.back().channels;
  for (std::size_t i = 0; i < config_.up.size(); ++i) {
    const auto& sizes = config_.up[i];
    const Loader here = loader.at("up_blocks", static_cast<int>(i));
    std::vector<std::int64_t> inputs;
    for (int layer = 0; layer < sizes.layers; ++layer) {
      inputs.push_back(std::exchange(channels, sizes.channels) + pop(skips));
    }
    UNetStage& stage = up_.emplace_back(here, sizes, inputs, config_.common(), transformers_);
    transformers_ += stage.transformers.size();
    if (i + 1 < config_.up.size()) stage.upsample.emplace(here.at("upsamplers", 0), channels);
  }
}

UNet::Conditioning UNet::prepare(Context& ctx, const Prompt& prompt) const {
  const Trace::Span span(ctx.trace, "layer", "prompt keys and values");
  Conditioning conditioning = encoder_.prepare(ctx, prompt);
  for (const UNetStage& stage : up_) stage.prepare(ctx, prompt.tokens, prompt.silent, conditioning.keys);
  return conditioning;
}

Tensor UNet::operator()(Context& ctx, const Tensor& latent, const Tensor& timesteps, const Conditioning& conditioning,
                        const UNetOptions& options) const {
  check(conditioning.keys.size() == transformers_, ErrorCode::internal,
        "unet: the prompt was prepared for {} transformers, the model has {}", conditioning.keys.size(), transformers_);
  UNetStep step = encoder_.begin(ctx, timesteps, conditioning);
  step.merger = options.merger;
  std::vector<Tensor> skips;
  Tensor x = down(ctx, latent, skips, step, options);
  x = up(ctx, std::move(x), skips, step, options.cache);
  x = norm_out_(ctx, repeat_to(ctx, x, step.time.size(0)), Activation::silu);
  return conv_out_(ctx, x, {.type = DType::f32});
}

Tensor UNet::down(Context& ctx, const Tensor& latent, std::vector<Tensor>& skips, const UNetStep& step,
                  const UNetOptions& options) const {
  const Residuals* residuals = options.residuals;
  FeatureCache* cache = options.cache;
  if (cache && cache->reuse) {
    check(static_cast<bool>(cache->state), ErrorCode::internal, "unet: nothing to reuse before a full step");
    encoder_.down(ctx, latent, skips, step, {}, cache->layers);
    if (residuals) add_residuals(ctx, skips, *residuals);
    return cache->state;
  }
  if (cache) cache->state = {};
  Tensor x = encoder_.down(ctx, latent, skips, step);
  x = encoder_.middle(ctx, std::move(x), step);
  return residuals ? add_residuals(ctx, x, skips, *residuals) : x;
}

Tensor UNet::up(Context& ctx, Tensor x, std::vector<Tensor>& skips, const UNetStep& step, FeatureCache* cache) const {
  std::size_t left = encoder_.skip_channels().size();
  for (const UNetStage& stage : up_) {
    // Layers that have no skip are left out, and with all layers of a stage what follows them.
    const std::size_t layers = stage.resnets.size(), begin = std::min(left - skips.size(), layers);
    left -= layers;
    if (begin == layers) continue;
    const Trace::Span span(ctx.trace, "layer", stage.name);
    for (std::size_t i = begin; i < layers; ++i) {
      if (cache && cache->layers == skips.size()) cache->state = x;
      x = concat(ctx, x, repeat_to(ctx, pop(skips), x.size(0)));
      x = stage.layer(ctx, i, std::move(x), step);
    }
    // Not simply twice as large: halving an odd size rounded up.
    if (stage.upsample) x = (*stage.upsample)(ctx, std::move(x), skips.back().size(1), skips.back().size(2));
  }
  return x;
}

}  // namespace sumi
