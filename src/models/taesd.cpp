#include "models/taesd.h"

#include <algorithm>
#include <array>
#include <utility>

#include "models/config.h"
#include "ops/elementwise.h"
#include "ops/layout.h"

namespace sumi {
namespace {

std::vector<std::int64_t> list_of(const Settings& settings, const char* key, std::vector<std::int64_t> otherwise,
                                  std::int64_t least, std::int64_t most) {
  if (!settings.has(key)) return otherwise;
  const Json& list = settings.at(key);
  if (!list.is_array() || list.empty() || list.size() > kMostLevels) {
    settings.reject(key, "expected a list of 1 to {} integers", kMostLevels);
  }
  return settings.integers(key, 0, list.size(), least, most);
}

/// The channels of every layer: its convolutions lead from one level to the next without changing them.
std::int64_t channels_of(const Settings& settings) {
  std::vector<std::int64_t> all;
  for (const char* key : {"encoder_block_out_channels", "decoder_block_out_channels"}) {
    const auto one = list_of(settings, key, {64, 64, 64, 64}, 1, kMostChannels);
    all.insert(all.end(), one.begin(), one.end());
  }
  check(std::adjacent_find(all.begin(), all.end(), std::not_equal_to<>()) == all.end(), ErrorCode::unsupported,
        "{}: encoder_block_out_channels and decoder_block_out_channels: only the same number everywhere is supported",
        settings.where());
  return all.front();
}

/// factor * x + offset.
Tensor scaled(Context& ctx, const Tensor& x, double factor, double offset) {
  const Tensor ones = ctx.upload(std::vector<float>(static_cast<std::size_t>(x.elements()), 1.0f), x.shape());
  return combine(ctx, std::array{Term{factor, x}, Term{offset, ones}});
}

/// 3 tanh(x / 3), to which training limited latents.
Tensor limited(Context& ctx, const Tensor& x) {
  const Tensor third = combine(ctx, std::array{Term{1.0 / 3, x}});
  return combine(ctx, std::array{Term{3, activate(ctx, third, Activation::tanh)}});
}

}  // namespace

TaesdConfig TaesdConfig::from(const Settings& settings) {
  refuse_others(settings, {{"act_fn", {"relu"}}, {"upsample_fn", {"nearest"}}, {"upsampling_scaling_factor", {2}}});
  TaesdConfig config{.in_channels = settings.integer("in_channels", 3, 1, kMostChannels),
                     .out_channels = settings.integer("out_channels", 3, 1, kMostChannels),
                     .latent_channels = settings.integer("latent_channels", 4, 1, kMostChannels),
                     .channels = channels_of(settings),
                     .encoder_blocks = list_of(settings, "num_encoder_blocks", {1, 3, 3, 3}, 0, kMostLayers),
                     .decoder_blocks = list_of(settings, "num_decoder_blocks", {3, 3, 3, 1}, 0, kMostLayers),
                     .scaling_factor = settings.number("scaling_factor", 1),
                     .shift_factor = settings.number("shift_factor", 0)};
  if (config.encoder_blocks.size() != config.decoder_blocks.size()) {
    settings.reject("num_encoder_blocks", "{} levels, the decoder has {}", config.encoder_blocks.size(),
                    config.decoder_blocks.size());
  }
  if (config.scaling_factor == 0) settings.reject("scaling_factor", "must not be 0");
  return config;
}

Taesd::Block::Block(const Loader& loader, std::int64_t channels) {
  for (const int i : {0, 2, 4}) convolutions.emplace_back(loader.at("conv", i), channels, channels);
}

Tensor Taesd::Block::operator()(Context& ctx, Tensor x) const {
  Tensor h = convolutions[0](ctx, x, {.activation = Activation::relu});
  h = convolutions[1](ctx, h, {.activation = Activation::relu});
  h = convolutions[2](ctx, h, {.residual = x});
  return activate(ctx, h, Activation::relu);
}

Taesd::Taesd(TaesdConfig config, const Loader& loader) : config_(std::move(config)) {
  make_encoder(loader.at("encoder"));
  make_decoder(loader.at("decoder"));
}

// Layers are numbered through in the order of running, also those without weights.
void Taesd::make_encoder(const Loader& loader) {
  const std::int64_t channels = config_.channels;
  int layer = 0;
  for (const std::int64_t blocks : config_.encoder_blocks) {
    const bool first = layer == 0;
    Level& level = encoder_.emplace_back();
    level.conv.emplace(loader.at("layers", layer++), first ? config_.in_channels : channels, channels, 3, first);
    if (!first) level.conv->stride = 2;
    for (int i = 0; i < blocks; ++i) level.blocks.emplace_back(loader.at("layers", layer++), channels);
  }
  encoder_out_.emplace(loader.at("layers", layer), channels, config_.latent_channels);
}

void Taesd::make_decoder(const Loader& loader) {
  const std::int64_t channels = config_.channels;
  decoder_in_.emplace(loader.at("layers", 0), config_.latent_channels, channels);
  int layer = 2;  // after an activation
  for (const std::int64_t blocks : config_.decoder_blocks) {
    Level& level = decoder_.emplace_back();
    const bool last = decoder_.size() == config_.decoder_blocks.size();
    for (int i = 0; i < blocks; ++i) level.blocks.emplace_back(loader.at("layers", layer++), channels);
    if (!last) ++layer;  // repeating pixels
    level.conv.emplace(loader.at("layers", layer++), channels, last ? config_.out_channels : channels, 3, last);
  }
}

Tensor Taesd::decode(Context& ctx, const Tensor& latent) const {
  const Trace::Span span(ctx.trace, "layer", "decoder");
  Tensor x = (*decoder_in_)(ctx, cast(ctx, limited(ctx, latent), ctx.type), {.activation = Activation::relu});
  for (const Level& level : decoder_) {
    for (const Block& block : level.blocks) x = block(ctx, std::move(x));
    const bool last = &level == &decoder_.back();
    x = (*level.conv)(ctx, x, {.type = last ? DType::f32 : ctx.type, .upsampled = !last});
  }
  return scaled(ctx, x, 2, -1);
}

Tensor Taesd::encode(Context& ctx, const Tensor& picture) const {
  const Trace::Span span(ctx.trace, "layer", "encoder");
  Tensor x = cast(ctx, scaled(ctx, picture, 0.5, 0.5), ctx.type);
  for (const Level& level : encoder_) {
    x = (*level.conv)(ctx, x);
    for (const Block& block : level.blocks) x = block(ctx, std::move(x));
  }
  return (*encoder_out_)(ctx, x, {.type = DType::f32});
}

}  // namespace sumi
