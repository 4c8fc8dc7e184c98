#include "models/presets.h"

#include <algorithm>
#include <iterator>

#include <fmt/ranges.h>

#include "core/check.h"
#include "core/json.h"
#include "models/clip_text.h"
#include "models/unet.h"
#include "models/vae.h"

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
constexpr const char* kSd2 = R"({
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

constexpr const char* kLcm = R"({
  "unet": {"sample_size": 96, "time_cond_proj_dim": 256},
  "vae": {"sample_size": 768},
  "scheduler": {"_class_name": "LCMScheduler", "skip_prk_steps": null, "set_alpha_to_one": true, "steps_offset": 0,
                "clip_sample": false, "original_inference_steps": 50}
})";

constexpr const char* kSdTurbo = R"({
  "unet": {"sample_size": 64},
  "vae": {"sample_size": 512},
  "scheduler": {"_class_name": "EulerDiscreteScheduler", "set_alpha_to_one": null,
                "prediction_type": "epsilon", "timestep_spacing": "trailing"}
})";

constexpr const char* kSdxlTurbo = R"({
  "unet": {"sample_size": 64},
  "vae": {"sample_size": 512},
  "scheduler": {"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing"}
})";

constexpr const char* kRefiner = R"({
  "unet": {"block_out_channels": [384, 768, 1536, 1536], "cross_attention_dim": 1280,
           "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
           "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
           "attention_head_dim": [6, 12, 24, 24], "transformer_layers_per_block": 4,
           "projection_class_embeddings_input_dim": 2560},
  "text_encoder": null
})";

constexpr const char* kSsd1b = R"({
  "unet": {"mid_block_type": "UNetMidBlock2D", "transformer_layers_per_block": [1, 2, 4],
           "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1]}
})";

constexpr const char* kVega = R"({
  "unet": {"mid_block_type": "UNetMidBlock2D", "transformer_layers_per_block": [1, 1, 2]}
})";

constexpr const char* kBksdmTiny = R"({
  "unet": {"block_out_channels": [320, 640, 1280],
           "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
           "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]}
})";

struct Entry {
  std::string_view name, base;
  const char* changes = "{}";      ///< of the base's configurations; null for a component that it has not
  const char* pipeline = nullptr;  ///< null: the base's
};
constexpr Entry kEntries[] = {
    {"sd15", "", kSd15, "StableDiffusionPipeline"},
    {"sd15-inpainting", "sd15", R"({"unet": {"in_channels": 9}})", "StableDiffusionInpaintPipeline"},
    {"pix2pix", "sd15", R"({"unet": {"in_channels": 8}})", "StableDiffusionInstructPix2PixPipeline"},
    {"lcm", "sd15", kLcm, "LatentConsistencyModelPipeline"},
    {"bksdm-base", "sd15", R"({"unet": {"layers_per_block": 1}})"},
    {"bksdm-small", "bksdm-base", R"({"unet": {"mid_block_type": null}})"},
    {"bksdm-tiny", "bksdm-small", kBksdmTiny},
    {"sd20", "sd15", kSd2},
    {"sd21", "sd20"},
    {"sd-turbo", "sd20", kSdTurbo},
    {"sdxl", "sd15", kSdxl, "StableDiffusionXLPipeline"},
    {"sdxl-inpainting", "sdxl", R"({"unet": {"in_channels": 9}})", "StableDiffusionXLInpaintPipeline"},
    {"sdxl-refiner", "sdxl", kRefiner, "StableDiffusionXLImg2ImgPipeline"},
    {"sdxl-turbo", "sdxl", kSdxlTurbo},
    {"ssd-1b", "sdxl", kSsd1b},
    {"vega", "sdxl", kVega},
};

constexpr std::string_view kText = "text_encoder", kTokenizer = "tokenizer";

/// The class of a component in the libraries that the files come from.
Json class_of(const std::string& component, const Json& config) {
  if (component == "unet") return {"diffusers", "UNet2DConditionModel"};
  if (component == "vae") return {"diffusers", "AutoencoderKL"};
  if (component == "scheduler") return {"diffusers", config.at("_class_name")};
  return {"transformers", config.contains("architectures") ? config["architectures"][0] : Json("CLIPTextModel")};
}

const Entry* find_entry(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kEntries), std::end(kEntries), [&](const Entry& e) { return e.name == name; });
  return found == std::end(kEntries) ? nullptr : found;
}

/// The configurations of a model by component.
Json configs_of(const Entry& entry) {
  const Entry* base = find_entry(entry.base);
  Json configs = base ? configs_of(*base) : Json::object();
  const Json changed = parse_json(entry.changes, "presets");
  for (const auto& [component, changes] : changed.items()) {
    if (changes.is_null()) {
      configs.erase(component);
    } else {
      configs[component].update(changes);
    }
  }
  return configs;
}

std::string_view pipeline_of(const Entry& entry) {
  return entry.pipeline ? entry.pipeline : pipeline_of(*find_entry(entry.base));
}

/// The model's index, with each component's configuration under "configs".
Settings index_of(std::string_view name) {
  const Entry* entry = find_entry(name);
  check(entry, ErrorCode::not_found, "synthetic:{}: there is no such model; there are {}", name,
        fmt::join(preset_names(), ", "));
  Json configs = configs_of(*entry);
  Json index = {{"_class_name", pipeline_of(*entry)}};
  for (const auto& [component, config] : configs.items()) {
    index[component] = class_of(component, config);
    if (component.starts_with(kText)) {
      index[std::string(kTokenizer) + component.substr(kText.size())] = {"transformers", "CLIPTokenizer"};
    }
  }
  if (name == "sdxl-refiner") index["requires_aesthetics_score"] = true;
  if (configs.contains("text_encoder_2")) index["force_zeros_for_empty_prompt"] = name != "sdxl-refiner";
  index["configs"] = std::move(configs);
  return {std::move(index), fmt::format("synthetic:{}", name)};
}

/// Whether files have a matrix as filters of one tap, as a UNet's projections without `use_linear_projection`.
bool is_convolution(std::string_view name, const Shape& shape, bool linear_projection) {
  const bool projection = name.ends_with("proj_in.weight") || name.ends_with("proj_out.weight");
  return shape.rank() == 2 && (name.find("conv") != std::string_view::npos || (projection && !linear_projection));
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
  const Settings config = this->config(component);
  const CheckpointPtr wanted = synthetic_checkpoint(DType::f16, std::hash<std::string_view>{}(component));
  visit_weights(component, config, Loader(wanted));
  TensorMap tensors = wanted->tensors();
  const bool linear = config.flag("use_linear_projection", false);
  for (auto& [name, source] : tensors) {
    if (is_convolution(name, source->shape(), linear))
      source = reshaped_source(source, {source->shape()[0], source->shape()[1], 1, 1});
  }
  return std::make_shared<Checkpoint>(config.where(), std::move(tensors));
}

void visit_weights(std::string_view component, const Settings& config, const Loader& loader) {
  if (component == "unet") {
    UNet(UNetConfig::from(config), loader);
  } else if (component == "vae") {
    Vae(VaeConfig::from(config), loader);
  } else {
    ClipText(ClipTextConfig::from(config), loader);
  }
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kEntries) names.emplace_back(entry.name);
  return names;
}

}  // namespace sumi
