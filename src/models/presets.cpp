#include "models/presets.h"

#include <fmt/ranges.h>

namespace sumi {
namespace {

constexpr const char* kSd15 = R"({
  "unet": {"sample_size": 64, "block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 768,
           "attention_head_dim": 8},
  "vae": {"sample_size": 512, "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
          "scaling_factor": 0.18215},
  "text_encoder": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
                   "hidden_act": "quick_gelu", "eos_token_id": 49407},
  "scheduler": {"_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012,
                "beta_schedule": "scaled_linear", "skip_prk_steps": true, "set_alpha_to_one": false, "steps_offset": 1}
})";

// What each of the others sets otherwise.
constexpr const char* kSd21 = R"({
  "unet": {"sample_size": 96, "cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20],
           "use_linear_projection": true},
  "vae": {"sample_size": 768},
  "text_encoder": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23, "num_attention_heads": 16,
                   "hidden_act": "gelu"},
  "scheduler": {"_class_name": "DDIMScheduler", "skip_prk_steps": null, "clip_sample": false,
                "prediction_type": "v_prediction"}
})";

constexpr const char* kSdxl = R"({
  "unet": {"sample_size": 128, "block_out_channels": [320, 640, 1280], "cross_attention_dim": 2048,
           "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
           "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
           "attention_head_dim": [5, 10, 20], "transformer_layers_per_block": [1, 2, 10],
           "use_linear_projection": true, "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
           "projection_class_embeddings_input_dim": 2816},
  "vae": {"sample_size": 1024, "scaling_factor": 0.13025, "force_upcast": true},
  "text_encoder_2": {"architectures": ["CLIPTextModelWithProjection"], "hidden_size": 1280, "intermediate_size": 5120,
                     "num_hidden_layers": 32, "num_attention_heads": 20, "hidden_act": "gelu", "projection_dim": 1280,
                     "eos_token_id": 49407},
  "scheduler": {"_class_name": "EulerDiscreteScheduler", "skip_prk_steps": null, "set_alpha_to_one": null,
                "timestep_spacing": "leading"}
})";

constexpr const char* kBksdmSmall = R"({
  "unet": {"layers_per_block": 1, "mid_block_type": null}
})";

struct Entry {
  const char *name, *changes;
};
constexpr Entry kEntries[] = {{"sd15", "{}"}, {"sd21", kSd21}, {"sdxl", kSdxl}, {"bksdm-small", kBksdmSmall}};

constexpr std::string_view kText = "text_encoder", kTokenizer = "tokenizer";

/// The class of a component in the libraries that the files come from.
Json class_of(const std::string& component, const Json& config) {
  if (component == "unet") return {"diffusers", "UNet2DConditionModel"};
  if (component == "vae") return {"diffusers", "AutoencoderKL"};
  if (component == "scheduler") return {"diffusers", config.at("_class_name")};
  return {"transformers", config.contains("architectures") ? config["architectures"][0] : Json("CLIPTextModel")};
}

/// The model's index, with each component's configuration under "configs".
Settings index_of(std::string_view name) {
  for (const Entry& entry : kEntries) {
    if (entry.name != name) continue;
    Json configs = parse_json(kSd15, "presets");
    const Json changed = parse_json(entry.changes, "presets");
    for (const auto& [component, changes] : changed.items()) configs[component].update(changes);
    Json index = {{"_class_name", "StableDiffusionPipeline"}};
    for (const auto& [component, config] : configs.items()) {
      index[component] = class_of(component, config);
      if (component.starts_with(kText)) {
        index[std::string(kTokenizer) + component.substr(kText.size())] = {"transformers", "CLIPTokenizer"};
      }
    }
    if (configs.contains("text_encoder_2")) index["_class_name"] = "StableDiffusionXLPipeline";
    index["configs"] = std::move(configs);
    return {std::move(index), fmt::format("synthetic:{}", name)};
  }
  fail(ErrorCode::not_found, "synthetic:{}: there is no such model; there are {}", name,
       fmt::join(preset_names(), ", "));
}

}  // namespace

Preset::Preset(std::string_view name) : ModelFiles(fmt::format("synthetic:{}", name), {}, index_of(name)) {}

std::vector<std::string> Preset::weighted() const {
  std::vector<std::string> names;
  for (const auto& [name, component] : components()) {
    if (name != "scheduler" && !name.starts_with(kTokenizer)) names.push_back(name);
  }
  return names;
}

Settings Preset::config(std::string_view component) const {
  this->component(component);
  return {index().at("configs").at(std::string(component)), fmt::format("{}/{}", name(), component)};
}

CheckpointPtr Preset::weights(std::string_view component) const {
  this->component(component);
  return synthetic_checkpoint(DType::f16, std::hash<std::string_view>{}(component),
                              fmt::format("{}/{}", name(), component));
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kEntries) names.emplace_back(entry.name);
  return names;
}

}  // namespace sumi
