#include "weights/infer.h"

#include <algorithm>

#include "core/json.h"
#include "weights/name_table.h"

namespace sumi {
namespace {

using Level = UNetLayout::Level;
constexpr std::int64_t kHeadChannels = 64;  // of Stable Diffusion 2 and later; the first has 8 heads everywhere

/// The shape of the first tensor whose name ends so, or none.
Shape shape_ending_in(const TensorMap& tensors, std::string_view ending) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first.ends_with(ending); });
  return found == tensors.end() ? Shape{} : found->second->shape();
}

/// One number where all are equal, else the list.
template <class T>
Json one_or_all(const std::vector<T>& values) {
  const bool equal = std::all_of(values.begin(), values.end(), [&](const T& value) { return value == values.front(); });
  return equal ? Json(values.front()) : Json(values);
}

bool attends(const Level& level) { return level.front().depth > 0; }

std::vector<int> depths_of(const Level& level) {
  std::vector<int> depths;
  for (const auto& block : level) depths.push_back(block.depth);
  return depths;
}

/// Error(unsupported) for levels that cannot be said in a configuration.
void check_levels(const std::vector<Level>& levels, const std::string& where) {
  check(!levels.empty(), ErrorCode::unsupported, "{}: no blocks of a UNet are in it", where);
  for (const Level& level : levels) {
    const bool good = !level.empty() && std::all_of(level.begin(), level.end(), [&](const UNetLayout::Block& block) {
      return block.channels == level.front().channels && (block.depth > 0) == attends(level);
    });
    check(good, ErrorCode::unsupported,
          "{}: the blocks of its UNet are not of any kind that is known: a level is empty or uneven", where);
  }
}

Json types_of(const std::vector<Level>& levels, const char* with, const char* without) {
  Json types = Json::array();
  for (const Level& level : levels) types.push_back(attends(level) ? with : without);
  return types;
}

/// The way down, the middle, and the inputs.
Json shared_config(const UNetLayout& layout, const TensorMap& tensors, const std::string& where) {
  check_levels(layout.down, where);
  std::vector<std::int64_t> channels;
  std::vector<std::size_t> layers;
  std::vector<Json> depths;
  for (const Level& level : layout.down) {
    channels.push_back(level.front().channels);
    layers.push_back(level.size());
    depths.push_back(attends(level) ? one_or_all(depths_of(level)) : Json(1));
  }
  if (!attends(layout.down.back()) && layout.middle_depth > 0) depths.back() = layout.middle_depth;
  check(layout.middle_depth == 0 || depths.back() == layout.middle_depth, ErrorCode::unsupported,
        "{}: the middle of its UNet has {} transformer blocks, the level above it {}", where, layout.middle_depth,
        depths.back().dump());
  // Where a level has no transformers any number will do: one for all is what people write.
  std::vector<Json> used;
  for (std::size_t i = 0; i < depths.size(); ++i) {
    if (attends(layout.down[i]) || (i + 1 == depths.size() && layout.middle_depth > 0)) used.push_back(depths[i]);
  }
  const Json one = used.empty() ? Json(1) : one_or_all(used);

  Json config{{"act_fn", "silu"},
              {"in_channels", inputs_of(tensors, "conv_in.weight")},
              {"block_out_channels", channels},
              {"layers_per_block", one_or_all(layers)},
              {"down_block_types", types_of(layout.down, "CrossAttnDownBlock2D", "DownBlock2D")},
              {"mid_block_type", "UNetMidBlock2DCrossAttn"},
              {"transformer_layers_per_block", one.is_array() ? Json(depths) : one},
              {"norm_num_groups", 32}};
  if (layout.middle_depth == 0) config["mid_block_type"] = layout.middle_resnets ? Json("UNetMidBlock2D") : Json();

  const Shape prompt = shape_ending_in(tensors, ".attn2.to_k.weight");
  if (prompt.rank() > 1) config["cross_attention_dim"] = prompt[1];
  const bool linear = shape_ending_in(tensors, ".proj_in.weight").rank() == 2;
  config["use_linear_projection"] = linear;
  std::vector<std::int64_t> heads;
  for (const auto width : channels) heads.push_back(linear ? std::max<std::int64_t>(width / kHeadChannels, 1) : 8);
  config["attention_head_dim"] = linear ? Json(heads) : Json(8);  // diffusers means the number of heads
  if (const auto added = inputs_of(tensors, "add_embedding.linear_1.weight")) {
    config["addition_embed_type"] = "text_time";
    config["addition_time_embed_dim"] = 256;
    config["projection_class_embeddings_input_dim"] = added;
  }
  return config;
}

/// The depths of the way up where they are not those of the way down.
void add_up_depths(const UNetLayout& layout, Json& config) {
  const Json& down = config.at("transformer_layers_per_block");
  const std::size_t count = layout.up.size();
  bool mirrored = true;
  Json depths = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    depths.push_back(attends(layout.up[i]) ? Json(depths_of(layout.up[i])) : Json(1));
    const Json& mirror = down.is_array() ? down[count - 1 - i] : down;
    mirrored = mirrored && (!attends(layout.up[i]) || one_or_all(depths_of(layout.up[i])) == mirror);
  }
  if (!mirrored) config["reverse_transformer_layers_per_block"] = depths;
}

int sample_size_of(const Family& family) {
  const bool xl = family.kind == Family::Kind::xl || family.kind == Family::Kind::refiner;
  return xl ? 128 : family.kind == Family::Kind::sd2 && family.velocity ? 96 : 64;
}

}  // namespace

Json unet_config(const UNetLayout& layout, const TensorMap& tensors, const Family& family, const std::string& where) {
  Json config = shared_config(layout, tensors, where);
  check_levels(layout.up, where);
  bool mirrored = layout.up.size() == layout.down.size();
  for (std::size_t i = 0; mirrored && i < layout.up.size(); ++i) {
    mirrored = layout.up[i].size() == layout.down[layout.down.size() - 1 - i].size() + 1;
  }
  check(mirrored, ErrorCode::unsupported, "{}: its UNet has other blocks on its way up than on its way down", where);
  check(!tensors.contains("label_emb.weight") && !tensors.contains("class_embedding.weight"), ErrorCode::unsupported,
        "{}: a UNet with classes, an upscaler's, is not supported", where);
  add_up_depths(layout, config);
  config["_class_name"] = "UNet2DConditionModel";
  config["out_channels"] = outputs_of(tensors, "conv_out.weight");
  config["up_block_types"] = types_of(layout.up, "CrossAttnUpBlock2D", "UpBlock2D");
  config["sample_size"] = sample_size_of(family);
  if (const auto guidance = inputs_of(tensors, "time_embedding.cond_proj.weight")) {
    config["time_cond_proj_dim"] = guidance;
  }
  if (family.kind == Family::Kind::sd2) config["upcast_attention"] = true;  // overflows in float16
  return config;
}

Json controlnet_config(const UNetLayout& layout, const TensorMap& tensors, const std::string& where) {
  Json config = shared_config(layout, tensors, where);
  config["_class_name"] = "ControlNetModel";
  const std::string hint = "controlnet_cond_embedding.";
  config["conditioning_channels"] = inputs_of(tensors, hint + "conv_in.weight");
  // Of each pair of convolutions the second widens.
  std::vector<std::int64_t> widths{outputs_of(tensors, hint + "conv_in.weight")};
  for (int i = 1; i < count_of(tensors, hint + "blocks."); i += 2) {
    widths.push_back(outputs_of(tensors, fmt::format("{}blocks.{}.weight", hint, i)));
  }
  config["conditioning_embedding_out_channels"] = widths;
  return config;
}

Json vae_config(const VaeLayout& layout, const TensorMap& tensors, const Family& family, const std::string& where) {
  const std::size_t levels = layout.channels.size();
  check(levels > 0 && layout.layers > 0, ErrorCode::unsupported, "{}: no blocks of an autoencoder are in it", where);
  const bool xl = family.kind == Family::Kind::xl || family.kind == Family::Kind::refiner;
  Json config{{"_class_name", "AutoencoderKL"},
              {"act_fn", "silu"},
              {"in_channels", inputs_of(tensors, "encoder.conv_in.weight")},
              {"out_channels", outputs_of(tensors, "decoder.conv_out.weight")},
              {"latent_channels", inputs_of(tensors, "decoder.conv_in.weight")},
              {"block_out_channels", layout.channels},
              {"layers_per_block", layout.layers},
              {"down_block_types", std::vector<std::string>(levels, "DownEncoderBlock2D")},
              {"up_block_types", std::vector<std::string>(levels, "UpDecoderBlock2D")},
              {"norm_num_groups", 32},
              {"sample_size", 8 * sample_size_of(family)},
              {"scaling_factor", xl ? 0.13025 : 0.18215},
              {"force_upcast", xl}};
  for (const char* name : {"quant_conv", "post_quant_conv"}) {
    if (!tensors.contains(fmt::format("{}.weight", name))) config[fmt::format("use_{}", name)] = false;
  }
  if (!has_prefix(tensors, "decoder.mid_block.attentions.")) config["mid_block_add_attention"] = false;
  return config;
}

Json tiny_vae_config(const TensorMap& tensors) {
  const std::vector<std::int64_t> channels(4, outputs_of(tensors, "encoder.layers.0.weight"));
  return {{"_class_name", "AutoencoderTiny"},
          {"in_channels", inputs_of(tensors, "encoder.layers.0.weight")},
          {"out_channels", inputs_of(tensors, "encoder.layers.0.weight")},
          {"latent_channels", inputs_of(tensors, "decoder.layers.0.weight")},
          {"encoder_block_out_channels", channels},
          {"decoder_block_out_channels", channels},
          {"num_encoder_blocks", {1, 3, 3, 3}},
          {"num_decoder_blocks", {3, 3, 3, 1}},
          {"act_fn", "relu"},
          {"scaling_factor", 1.0}};
}

Json text_config(const TensorMap& tensors, bool open, const std::string& where) {
  const std::string root = has_prefix(tensors, "text_model.") ? "text_model." : "";
  const std::string words = root + "embeddings.token_embedding.weight";
  const std::int64_t width = inputs_of(tensors, words), vocabulary = outputs_of(tensors, words);
  check(width > 0 && vocabulary > 1, ErrorCode::unsupported, "{}: no text encoder of CLIP's kind is in it", where);
  const auto projection = outputs_of(tensors, "text_projection.weight");
  return {{"_class_name", projection ? "CLIPTextModelWithProjection" : "CLIPTextModel"},
          {"architectures", {projection ? "CLIPTextModelWithProjection" : "CLIPTextModel"}},
          {"model_type", "clip_text_model"},
          {"vocab_size", vocabulary},
          {"max_position_embeddings", outputs_of(tensors, root + "embeddings.position_embedding.weight")},
          {"hidden_size", width},
          {"intermediate_size", outputs_of(tensors, root + "encoder.layers.0.mlp.fc1.weight")},
          {"num_hidden_layers", count_of(tensors, root + "encoder.layers.")},
          {"num_attention_heads", std::max<std::int64_t>(width / kHeadChannels, 1)},
          {"hidden_act", open ? "gelu" : "quick_gelu"},
          {"layer_norm_eps", 1e-5},
          {"projection_dim", projection ? projection : width},
          {"bos_token_id", vocabulary - 2},
          {"eos_token_id", vocabulary - 1},
          {"pad_token_id", open ? 0 : vocabulary - 1}};
}

Json scheduler_config(const Family& family, const Json& unet) {
  Json config{{"num_train_timesteps", 1000},
              {"beta_start", 0.00085},
              {"beta_end", 0.012},
              {"beta_schedule", "scaled_linear"},
              {"steps_offset", 1}};
  const bool xl = family.kind == Family::Kind::xl || family.kind == Family::Kind::refiner;
  if (unet.contains("time_cond_proj_dim")) {
    config["_class_name"] = "LCMScheduler";
  } else if (xl) {
    config["_class_name"] = "EulerDiscreteScheduler";
    config["timestep_spacing"] = "leading";
  } else if (unet.at("in_channels") == 8) {
    config["_class_name"] = "EulerAncestralDiscreteScheduler";
  } else if (family.velocity || unet.at("in_channels") == 9) {
    config["_class_name"] = "DDIMScheduler";
    config["set_alpha_to_one"] = false;
    config["clip_sample"] = false;
  } else {
    config["_class_name"] = "PNDMScheduler";
    config["skip_prk_steps"] = true;
    config["set_alpha_to_one"] = false;
  }
  config["prediction_type"] = family.velocity ? "v_prediction" : "epsilon";
  if (family.zero_snr) {
    config["rescale_betas_zero_snr"] = true;
    config["timestep_spacing"] = "trailing";  // Lin et al. 2024: else the first step is not pure noise
  }
  return config;
}

Json pipeline_config(const Family& family, const Json& unet) {
  const bool xl = family.kind == Family::Kind::xl;
  const std::string prefix = xl ? "StableDiffusionXL" : "StableDiffusion";
  Json index;
  if (family.kind == Family::Kind::refiner) {
    index["_class_name"] = "StableDiffusionXLImg2ImgPipeline";
    index["requires_aesthetics_score"] = true;
  } else if (unet.contains("time_cond_proj_dim") && !xl) {
    index["_class_name"] = "LatentConsistencyModelPipeline";
  } else if (unet.at("in_channels") == 9) {
    index["_class_name"] = prefix + "InpaintPipeline";
  } else if (unet.at("in_channels") == 8) {
    index["_class_name"] = prefix + "InstructPix2PixPipeline";
  } else {
    index["_class_name"] = prefix + "Pipeline";
  }
  if (xl || family.kind == Family::Kind::refiner) {
    index["force_zeros_for_empty_prompt"] = xl;
  } else {
    index["requires_safety_checker"] = false;
  }
  return index;
}

}  // namespace sumi
