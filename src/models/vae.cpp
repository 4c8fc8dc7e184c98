#include "models/vae.h"

#include <algorithm>
#include <utility>

#include "models/config.h"
#include "ops/elementwise.h"

namespace sumi {
namespace {

constexpr double kEpsilon = 1e-6;

void refuse_unsupported(const Settings& settings, std::size_t levels) {
  refuse_others(settings, {{"act_fn", {"silu", "swish"}}, {"latents_mean", {}}, {"latents_std", {}}});
  for (const auto& [key, type] :
       {std::pair{"down_block_types", "DownEncoderBlock2D"}, {"up_block_types", "UpDecoderBlock2D"}}) {
    const auto names = texts_or(settings, key, std::vector<std::string>(levels, type));
    if (names.size() != levels) settings.reject(key, "{} entries for {} block_out_channels", names.size(), levels);
    for (const auto& name : names) {
      check(name == type, ErrorCode::unsupported, "{}: {}: '{}' is not supported, only {}", settings.where(), key, name,
            type);
    }
  }
}

}  // namespace

VaeConfig VaeConfig::from(const Settings& settings) {
  VaeConfig config{.in_channels = settings.integer("in_channels", 3, 1, kMostChannels),
                   .out_channels = settings.integer("out_channels", 3, 1, kMostChannels),
                   .latent_channels = settings.integer("latent_channels", 4, 1, kMostChannels),
                   .layers = settings.integer("layers_per_block", 1, 1, kMostLayers),
                   .groups = settings.integer("norm_num_groups", 32, 1, kMostChannels),
                   .sample_size = settings.integer("sample_size", 32, 1, 1 << 20),
                   .middle_attention = settings.flag("mid_block_add_attention", true),
                   .quant_conv = settings.flag("use_quant_conv", true),
                   .post_quant_conv = settings.flag("use_post_quant_conv", true),
                   .force_upcast = settings.flag("force_upcast", false),
                   .scaling_factor = settings.number("scaling_factor", 0.18215),
                   .shift_factor = settings.number("shift_factor", 0)};
  config.channels = level_channels(settings, {64}, config.groups);
  refuse_unsupported(settings, config.channels.size());
  if (config.scaling_factor == 0) settings.reject("scaling_factor", "must not be 0");
  return config;
}

Vae::PictureAttention::PictureAttention(const Loader& loader, std::int64_t channels, std::int64_t groups)
    : name(layer_name(loader)),
      norm(loader.at("group_norm"), channels, groups, kEpsilon),
      attention(loader, channels, 1, {.qkv_bias = true}) {}

Tensor Vae::PictureAttention::operator()(Context& ctx, Tensor x) const {
  const Trace::Span span(ctx.trace, "layer", name);
  const Shape picture = x.shape();
  x = x.reshape({picture[0], picture[1] * picture[2], picture[3]});
  return attention(ctx, norm(ctx, x), x).reshape(picture);
}

Vae::Level::Level(const Loader& loader, std::int64_t in, std::int64_t out, std::int64_t layers, std::int64_t groups) {
  for (int i = 0; i < layers; ++i) {
    resnets.emplace_back(loader.at("resnets", i), ResnetBlock::Sizes{i == 0 ? in : out, out, groups, kEpsilon});
  }
}

Tensor Vae::Level::operator()(Context& ctx, Tensor x) const {
  for (const auto& resnet : resnets) x = resnet(ctx, std::move(x));
  if (downsample) return (*downsample)(ctx, x);
  if (!upsample) return x;
  const std::int64_t height = x.size(1), width = x.size(2);
  return (*upsample)(ctx, std::move(x), 2 * height, 2 * width);
}

Vae::Middle::Middle(const Loader& loader, std::int64_t channels, const VaeConfig& config)
    : before(loader.at("resnets", 0), {channels, channels, config.groups, kEpsilon}),
      after(loader.at("resnets", 1), {channels, channels, config.groups, kEpsilon}) {
  if (config.middle_attention) attention.emplace(loader.at("attentions", 0), channels, config.groups);
}

Tensor Vae::Middle::operator()(Context& ctx, Tensor x) const {
  x = before(ctx, std::move(x));
  if (attention) x = (*attention)(ctx, std::move(x));
  return after(ctx, std::move(x));
}

Vae::Coder Vae::make_encoder(const Loader& loader, const VaeConfig& config) {
  const std::int64_t first = config.channels.front(), last = config.channels.back();
  Coder coder{.conv_in = {loader.at("conv_in"), config.in_channels, first},
              .conv_out = {loader.at("conv_out"), last, 2 * config.latent_channels},
              .norm_out = {loader.at("conv_norm_out"), last, config.groups, kEpsilon},
              .middle = {loader.at("mid_block"), last, config}};
  std::int64_t in = first;
  for (std::size_t i = 0; i < config.channels.size(); ++i) {
    const std::int64_t out = config.channels[i];
    const Loader here = loader.at("down_blocks", static_cast<int>(i));
    auto& level = coder.levels.emplace_back(here, std::exchange(in, out), out, config.layers, config.groups);
    if (i + 1 < config.channels.size()) {
      level.downsample.emplace(here.at("downsamplers", 0), out, Conv2dOp::Padding{0, 0, 1, 1});
    }
  }
  return coder;
}

Vae::Coder Vae::make_decoder(const Loader& loader, const VaeConfig& config) {
  const std::int64_t first = config.channels.back(), last = config.channels.front();
  Coder coder{.conv_in = {loader.at("conv_in"), config.latent_channels, first},
              .conv_out = {loader.at("conv_out"), last, config.out_channels},
              .norm_out = {loader.at("conv_norm_out"), last, config.groups, kEpsilon},
              .middle = {loader.at("mid_block"), first, config}};
  std::int64_t in = first;
  const std::size_t count = config.channels.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t out = config.channels[count - 1 - i];
    const Loader here = loader.at("up_blocks", static_cast<int>(i));
    auto& level = coder.levels.emplace_back(here, std::exchange(in, out), out, config.layers + 1, config.groups);
    if (i + 1 < count) level.upsample.emplace(here.at("upsamplers", 0), out);
  }
  return coder;
}

Vae::Vae(VaeConfig config, const Loader& loader)
    : config_(std::move(config)),
      encoder_(make_encoder(loader.at("encoder"), config_)),
      decoder_(make_decoder(loader.at("decoder"), config_)) {
  const std::int64_t latent = config_.latent_channels;
  if (config_.quant_conv) quant_.emplace(loader.at("quant_conv"), 2 * latent, 2 * latent);
  if (config_.post_quant_conv) post_quant_.emplace(loader.at("post_quant_conv"), latent, latent);
}

Tensor Vae::decode(Context& ctx, const Tensor& latent) const {
  Tensor x = cast(ctx, latent, ctx.type);
  if (post_quant_) x = (*post_quant_)(ctx, x);
  x = decoder_.conv_in(ctx, x);
  x = decoder_.middle(ctx, std::move(x));
  for (const Level& level : decoder_.levels) x = level(ctx, std::move(x));
  x = decoder_.norm_out(ctx, x, Activation::silu);
  return decoder_.conv_out(ctx, x, {.type = DType::f32});
}

Tensor Vae::encode(Context& ctx, const Tensor& picture) const {
  Tensor x = cast(ctx, picture, ctx.type);
  x = encoder_.conv_in(ctx, x);
  for (const Level& level : encoder_.levels) x = level(ctx, std::move(x));
  x = encoder_.middle(ctx, std::move(x));
  x = encoder_.norm_out(ctx, x, Activation::silu);
  x = encoder_.conv_out(ctx, x, {.type = quant_ ? ctx.type : DType::f32});
  return quant_ ? (*quant_)(ctx, x, {.type = DType::f32}) : x;
}

Vae::Gaussian Vae::gaussian(Context& ctx, const Tensor& moments) const {
  const auto channels = static_cast<std::size_t>(config_.latent_channels);
  const std::vector<float> values = ctx.download(moments);
  Gaussian result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool is_mean = i % (2 * channels) < channels;
    if (is_mean) {
      result.mean.push_back(values[i]);
    } else {
      result.log_variance.push_back(std::clamp(values[i], -30.0f, 20.0f));
    }
  }
  return result;
}

}  // namespace sumi
