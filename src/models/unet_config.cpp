#include <algorithm>

#include "models/config.h"
#include "models/unet.h"

namespace sumi {
namespace {

using Integers = std::vector<std::int64_t>;

void refuse_unsupported(const Settings& settings) {
  refuse_others(settings, {{"act_fn", {"silu", "swish"}},
                           {"attention_type", {"default"}},
                           {"center_input_sample", {false}},
                           {"class_embed_type", {}},
                           {"num_class_embeds", {}},
                           {"class_embeddings_concat", {false}},
                           {"conv_in_kernel", {3}},
                           {"conv_out_kernel", {3}},
                           {"cross_attention_norm", {}},
                           {"downsample_padding", {1}},
                           {"dual_cross_attention", {false}},
                           {"encoder_hid_dim", {}},
                           {"encoder_hid_dim_type", {}},
                           {"mid_block_only_cross_attention", {false}},
                           {"mid_block_scale_factor", {1}},
                           {"only_cross_attention", {false}},
                           {"resnet_out_scale_factor", {1}},
                           {"resnet_skip_time_act", {false}},
                           {"resnet_time_scale_shift", {"default"}},
                           {"time_embedding_act_fn", {}},
                           {"time_embedding_type", {"positional"}},
                           {"timestep_post_act", {}},
                           {"addition_embed_type", {"text_time"}}});
}

/// For each stage whether it has transformers.
std::vector<bool> attends(const Settings& settings, const char* key, const std::string& with,
                          const std::string& without, std::vector<std::string> otherwise, std::size_t count) {
  const auto names = texts_or(settings, key, std::move(otherwise));
  if (names.size() != count) settings.reject(key, "{} entries for {} block_out_channels", names.size(), count);
  std::vector<bool> attention;
  for (const auto& name : names) {
    check(name == with || name == without, ErrorCode::unsupported, "{}: {}: '{}' is not supported, only {} and {}",
          settings.where(), key, name, with, without);
    attention.push_back(name == with);
  }
  return attention;
}

/// Transformer blocks after each of `layers` resnet blocks: one number for all, or a list.
Integers layer_depths(const Settings& settings, const char* key, const Json& value, std::int64_t layers) {
  const Settings one({{key, value}}, settings.where());
  return one.integers(key, 1, static_cast<std::size_t>(layers), 1, kMostDepth);
}

/// An entry for each stage out of one number for all or a list.
std::vector<Json> stage_depths(const Settings& settings, const char* key, std::size_t count) {
  if (!settings.has(key)) return std::vector<Json>(count, 1);
  const Json& value = settings.at(key);
  if (!value.is_array()) return std::vector<Json>(count, value);
  if (value.size() != count) settings.reject(key, "{} values, expected {}", value.size(), count);
  return value.get<std::vector<Json>>();
}

/// What the stages of both ways have, from the top of the UNet to its bottom.
struct Levels {
  Integers channels, layers, heads, prompt_channels;
  std::vector<Json> depths;

  UNetStage::Sizes stage(std::size_t i, std::int64_t extra_layers = 0) const {
    return {.channels = channels[i],
            .layers = layers[i] + extra_layers,
            .heads = heads[i],
            .prompt_channels = prompt_channels[i]};
  }
};

Levels levels_of(const Settings& settings, std::int64_t groups) {
  Levels levels;
  levels.channels = level_channels(settings, {320, 640, 1280, 1280}, groups);
  const std::size_t count = levels.channels.size();
  levels.layers = settings.integers("layers_per_block", 2, count, 1, kMostLayers);
  levels.prompt_channels = settings.integers("cross_attention_dim", 1280, count, 1, kMostChannels);
  // diffusers gives the number of heads under a key that means their size.
  const char* heads = settings.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
  levels.heads = settings.integers(heads, 8, count, 1, 1024);
  for (std::size_t i = 0; i < count; ++i) {
    if (levels.channels[i] % levels.heads[i]) {
      settings.reject(heads, "{} heads do not divide the {} channels of level {}", levels.heads[i], levels.channels[i],
                      i);
    }
  }
  levels.depths = stage_depths(settings, "transformer_layers_per_block", count);
  return levels;
}

std::vector<UNetStage::Sizes> down_stages(const Settings& settings, const Levels& levels) {
  const std::size_t count = levels.channels.size();
  std::vector<std::string> usual(count, "CrossAttnDownBlock2D");
  usual.back() = "DownBlock2D";
  const auto attention = attends(settings, "down_block_types", "CrossAttnDownBlock2D", "DownBlock2D", usual, count);
  std::vector<UNetStage::Sizes> stages;
  for (std::size_t i = 0; i < count; ++i) {
    auto& stage = stages.emplace_back(levels.stage(i));
    if (attention[i]) {
      stage.depths = layer_depths(settings, "transformer_layers_per_block", levels.depths[i], stage.layers);
    }
  }
  return stages;
}

std::vector<UNetStage::Sizes> up_stages(const Settings& settings, const Levels& levels) {
  constexpr const char* kReversed = "reverse_transformer_layers_per_block";
  const std::size_t count = levels.channels.size();
  std::vector<std::string> usual(count, "CrossAttnUpBlock2D");
  usual.front() = "UpBlock2D";
  const auto attention = attends(settings, "up_block_types", "CrossAttnUpBlock2D", "UpBlock2D", usual, count);
  auto depths = levels.depths;
  std::reverse(depths.begin(), depths.end());
  const bool reversed = settings.has(kReversed);
  if (reversed) depths = stage_depths(settings, kReversed, count);
  const char* key = reversed ? kReversed : "transformer_layers_per_block";
  std::vector<UNetStage::Sizes> stages;
  for (std::size_t i = 0; i < count; ++i) {
    auto& stage = stages.emplace_back(levels.stage(count - 1 - i, 1));
    if (attention[i]) stage.depths = layer_depths(settings, key, depths[i], stage.layers);
  }
  return stages;
}

std::optional<UNetStage::Sizes> middle_stage(const Settings& settings, const Levels& levels) {
  constexpr const char* kKey = "mid_block_type";
  refuse_others(settings, {{kKey, {"UNetMidBlock2DCrossAttn", "UNetMidBlock2D"}}});
  const bool none = settings.json().contains(kKey) && !settings.has(kKey);
  if (none) return std::nullopt;
  auto stage = levels.stage(levels.channels.size() - 1);
  const bool attention = settings.text(kKey, "UNetMidBlock2DCrossAttn") == "UNetMidBlock2DCrossAttn";
  if (attention) stage.depths = layer_depths(settings, "transformer_layers_per_block", levels.depths.back(), 1);
  stage.layers = attention ? 2 : 1;
  return stage;
}

std::int64_t even(const Settings& settings, const char* key, std::int64_t channels) {
  if (channels % 2) settings.reject(key, "{} is odd, sinusoids come in pairs", channels);
  return channels;
}

std::int64_t required(const Settings& settings, const char* key) {
  settings.at(key);
  return settings.integer(key, 0, 1, kMostChannels);
}

std::int64_t sample_size_of(const Settings& settings) {
  constexpr const char* kKey = "sample_size";
  if (settings.has(kKey) && settings.at(kKey).is_array()) {
    const Integers sides = settings.integers(kKey, 64, 2, 1, 1 << 16);
    check(sides[0] == sides[1], ErrorCode::unsupported, "{}: {}: {} by {} is not square", settings.where(), kKey,
          sides[0], sides[1]);
    return sides[0];
  }
  return settings.integer(kKey, 64, 1, 1 << 16);
}

}  // namespace

UNetEncoderConfig UNetEncoderConfig::from(const Settings& settings) {
  refuse_unsupported(settings);
  UNetEncoderConfig config{.in_channels = settings.integer("in_channels", 4, 1, kMostChannels),
                           .groups = settings.integer("norm_num_groups", 32, 1, kMostChannels),
                           .epsilon = settings.number("norm_eps", 1e-5),
                           .frequency_shift = settings.number("freq_shift", 0),
                           .cosine_first = settings.flag("flip_sin_to_cos", true)};
  const Levels levels = levels_of(settings, config.groups);
  config.down = down_stages(settings, levels);
  config.middle = middle_stage(settings, levels);

  const std::int64_t base = even(settings, "block_out_channels", levels.channels.front());
  config.time_channels = settings.integer("time_embedding_dim", 4 * base, 1, kMostChannels);
  config.guidance_channels =
      even(settings, "time_cond_proj_dim", settings.integer("time_cond_proj_dim", 0, 1, kMostChannels));
  if (settings.has("addition_embed_type")) {
    constexpr const char *kSize = "addition_time_embed_dim", *kAll = "projection_class_embeddings_input_dim";
    config.size_channels = even(settings, kSize, required(settings, kSize));
    config.added_channels = required(settings, kAll);
  }
  return config;
}

UNetConfig UNetConfig::from(const Settings& settings) {
  UNetConfig config{UNetEncoderConfig::from(settings)};
  config.out_channels = settings.integer("out_channels", 4, 1, kMostChannels);
  config.sample_size = sample_size_of(settings);
  config.up = up_stages(settings, levels_of(settings, config.groups));
  return config;
}

}  // namespace sumi
