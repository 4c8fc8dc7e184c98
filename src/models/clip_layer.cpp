#include "models/clip_layer.h"

#include "models/config.h"

namespace sumi {
namespace {

Activation activation_of(const Settings& settings) {
  const std::string name = settings.text("hidden_act", "quick_gelu");
  for (const auto known : {Activation::quick_gelu, Activation::gelu, Activation::silu, Activation::relu}) {
    if (name == name_of(known)) return known;
  }
  fail(ErrorCode::unsupported, "{}: hidden_act: '{}' is not supported, only quick_gelu, gelu, silu and relu",
       settings.where(), name);
}

}  // namespace

ClipLayersConfig ClipLayersConfig::from(const Settings& settings, const ClipLayersConfig& otherwise) {
  const ClipLayersConfig config{
      .channels = settings.integer("hidden_size", otherwise.channels, 1, kMostChannels),
      .inner_channels = settings.integer("intermediate_size", otherwise.inner_channels, 1, kMostChannels),
      .layers = settings.integer("num_hidden_layers", otherwise.layers, 1, 256),
      .heads = settings.integer("num_attention_heads", otherwise.heads, 1, 1024),
      .epsilon = settings.number("layer_norm_eps", otherwise.epsilon),
      .activation = activation_of(settings)};
  if (config.channels % config.heads) {
    settings.reject("num_attention_heads", "{} does not divide the {} channels", config.heads, config.channels);
  }
  return config;
}

ClipLayer::ClipLayer(const Loader& loader, const ClipLayersConfig& config, bool causal)
    : name(layer_name(loader)),
      norm1(loader.at("layer_norm1"), config.channels, config.epsilon),
      norm2(loader.at("layer_norm2"), config.channels, config.epsilon),
      attention(loader.at("self_attn"), config.channels, config.heads,
                {.qkv_bias = true, .causal = causal, .names = {"q_proj", "k_proj", "v_proj", "out_proj"}}),
      up(loader.at("mlp.fc1"), config.channels, config.inner_channels),
      down(loader.at("mlp.fc2"), config.inner_channels, config.channels),
      activation(config.activation) {}

Tensor ClipLayer::operator()(Context& ctx, Tensor x) const {
  const Trace::Span span(ctx.trace, "layer", name);
  x = attention(ctx, norm1(ctx, x), x);
  Tensor h = norm2(ctx, x);
  h = up(ctx, h, {.activation = activation});
  return down(ctx, h, {.residual = x});
}

}  // namespace sumi
