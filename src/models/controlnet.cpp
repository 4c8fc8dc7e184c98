#include "models/controlnet.h"

#include <array>
#include <utility>

#include "models/config.h"
#include "ops/elementwise.h"

namespace sumi {
namespace {

std::vector<std::int64_t> embedding_levels(const Settings& settings) {
  constexpr const char* kKey = "conditioning_embedding_out_channels";
  if (!settings.has(kKey)) return {16, 32, 96, 256};
  const Json& list = settings.at(kKey);
  if (!list.is_array() || list.empty() || list.size() > kMostLevels) {
    settings.reject(kKey, "expected a list of 1 to {} integers", kMostLevels);
  }
  return settings.integers(kKey, 0, list.size(), 1, kMostChannels);
}

/// Two convolutions a level, the second to the next level at half the size.
std::vector<Conv2d> make_embedding(const Loader& loader, const ControlNetConfig& config) {
  const auto& levels = config.levels;
  std::vector<Conv2d> convolutions;
  convolutions.emplace_back(loader.at("conv_in"), config.picture_channels, levels.front());
  for (int i = 0; i + 1 < static_cast<int>(levels.size()); ++i) {
    const std::int64_t in = levels[static_cast<std::size_t>(i)], out = levels[static_cast<std::size_t>(i) + 1];
    convolutions.emplace_back(loader.at("blocks", 2 * i), in, in);
    convolutions.emplace_back(loader.at("blocks", 2 * i + 1), in, out).stride = 2;
  }
  convolutions.emplace_back(loader.at("conv_out"), levels.back(), config.encoder.down.front().channels);
  return convolutions;
}

template <class Of>
void compare(const std::string& where, const char* what, const Of& of_controlnet, const Of& of_unet) {
  check(of_controlnet == of_unet, ErrorCode::bad_model,
        "{}: a ControlNet for another family of models: it has {} {}, the model {}", where, of_controlnet, what,
        of_unet);
}

}  // namespace

ControlNetConfig ControlNetConfig::from(const Settings& settings) {
  refuse_others(settings, {{"_class_name", {"ControlNetModel"}},
                           {"controlnet_conditioning_channel_order", {"rgb"}},
                           {"global_pool_conditions", {false}}});
  return {.encoder = UNetEncoderConfig::from(settings),
          .picture_channels = settings.integer("conditioning_channels", 3, 1, kMostChannels),
          .levels = embedding_levels(settings)};
}

void ControlNetConfig::check_fits(const UNetConfig& unet, const std::string& where) const {
  compare(where, "stages", encoder.down.size(), unet.down.size());
  compare(where, "added channels", encoder.added_channels, unet.added_channels);
  for (std::size_t i = 0; i < unet.down.size(); ++i) {
    compare(where, "prompt channels", encoder.down[i].prompt_channels, unet.down[i].prompt_channels);
    compare(where, "channels in a stage", encoder.down[i].channels, unet.down[i].channels);
    compare(where, "layers in a stage", encoder.down[i].layers, unet.down[i].layers);
  }
}

ControlNet::ControlNet(ControlNetConfig config, const Loader& loader)
    : config_(std::move(config)),
      encoder_(config_.encoder, loader),
      embedding_(make_embedding(loader.at("controlnet_cond_embedding"), config_)) {
  for (int i = 0; const std::int64_t channels : encoder_.skip_channels()) {
    outputs_.emplace_back(loader.at("controlnet_down_blocks", i++), channels, channels);
  }
  const std::int64_t deepest = config_.encoder.down.back().channels;
  outputs_.emplace_back(loader.at("controlnet_mid_block"), deepest, deepest);
  for (Linear& output : outputs_) output.may_round = true;
}

Tensor ControlNet::embed(Context& ctx, const Tensor& pictures, std::int64_t batch) const {
  const Trace::Span span(ctx.trace, "layer", "controlnet picture");
  const std::int64_t count = pictures.size(0);
  check(count > 0 && batch % count == 0 && pictures.size(-1) == config_.picture_channels, ErrorCode::internal,
        "controlnet: pictures {} for a batch of {} and {} channels", pictures.shape().text(), batch,
        config_.picture_channels);
  Tensor x = cast(ctx, pictures, ctx.type);
  for (std::size_t i = 0; i + 1 < embedding_.size(); ++i) {
    x = embedding_[i](ctx, x, {.activation = Activation::silu});
  }
  x = embedding_.back()(ctx, x);
  return repeat_to(ctx, x, batch);
}

UNetEncoder::Conditioning ControlNet::prepare(Context& ctx, const UNetEncoder::Prompt& prompt) const {
  const Trace::Span span(ctx.trace, "layer", "controlnet prompt keys and values");
  return encoder_.prepare(ctx, prompt);
}

Residuals ControlNet::operator()(Context& ctx, const Tensor& latent, const Tensor& timesteps,
                                 const UNetEncoder::Conditioning& conditioning, const Tensor& hint) const {
  const Trace::Span span(ctx.trace, "layer", "controlnet");
  Shape expected = latent.shape();
  expected[-1] = encoder_.skip_channels().front();
  check(hint.shape() == expected, ErrorCode::internal, "controlnet: the picture is seen as {}, the latents want {}",
        hint.shape().text(), expected.text());
  const UNetStep step = encoder_.begin(ctx, timesteps, conditioning);
  Residuals residuals;
  Tensor x = encoder_.down(ctx, latent, residuals.down, step, hint);
  x = encoder_.middle(ctx, std::move(x), step);
  for (std::size_t i = 0; i < residuals.down.size(); ++i) {
    residuals.down[i] = outputs_[i](ctx, residuals.down[i]);
  }
  residuals.middle = outputs_.back()(ctx, x);
  return residuals;
}

}  // namespace sumi
