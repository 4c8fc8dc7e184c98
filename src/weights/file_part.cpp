#include "weights/file_part.h"

#include <algorithm>
#include <array>

#include "weights/ldm_names.h"

namespace sumi {
namespace {

/// OpenCLIP's ViT-H, from which Stable Diffusion 2 takes 23 of 24 layers; some files hold no more.
constexpr std::int64_t kHugeWidth = 1024;
constexpr int kHugeLayers = 24;

int used_layers(const TensorMap& tensors, bool all_layers) {
  const int layers = count_of(tensors, "transformer.resblocks.");
  const bool cut = outputs_of(tensors, "ln_final.weight") == kHugeWidth && layers == kHugeLayers - 1;
  return all_layers || cut ? layers : std::max(layers - 1, 0);
}

}  // namespace

FilePart unet_part(const TensorMap& tensors, const Family& family, const std::string& where) {
  if (has_prefix(tensors, "down_blocks.")) {
    return {unet_config(diffusers_unet_layout(tensors), tensors, family, where), tensors};
  }
  const UNetLayout layout = ldm_unet_layout(tensors);
  TensorMap renamed = ldm_unet_names(layout).to_model(tensors);
  Json config = unet_config(layout, renamed, family, where);
  return {std::move(config), std::move(renamed)};
}

FilePart controlnet_part(const TensorMap& tensors, const std::string& where) {
  check(!tensors.contains("lora_controlnet"), ErrorCode::unsupported,
        "{}: a ControlNet stored as a LoRA is not supported; take the full one", where);
  if (has_prefix(tensors, "controlnet_cond_embedding.")) {
    return {controlnet_config(diffusers_unet_layout(tensors), tensors, where), tensors};
  }
  check(has_prefix(tensors, "input_hint_block."), ErrorCode::unsupported, "{}: not a ControlNet but {}", where,
        kind_of_file(tensors));
  const UNetLayout layout = ldm_unet_layout(tensors);
  int convolutions = 0;
  while (has_prefix(tensors, fmt::format("input_hint_block.{}.", 2 * convolutions))) ++convolutions;
  TensorMap renamed = ldm_controlnet_names(layout, std::max(convolutions - 2, 0)).to_model(tensors);
  Json config = controlnet_config(layout, renamed, where);
  return {std::move(config), std::move(renamed)};
}

FilePart vae_part(const TensorMap& tensors, const Family& family, const std::string& where) {
  if (has_prefix(tensors, "decoder.layers.")) return {tiny_vae_config(tensors), tensors};
  if (has_prefix(tensors, "decoder.up_blocks.")) {
    return {vae_config(diffusers_vae_layout(tensors), tensors, family, where), tensors};
  }
  check(has_prefix(tensors, "decoder."), ErrorCode::unsupported, "{}: not an autoencoder but {}", where,
        kind_of_file(tensors));
  const VaeLayout layout = ldm_vae_layout(tensors);
  TensorMap renamed = ldm_vae_names(layout).to_model(tensors);
  Json config = vae_config(layout, renamed, family, where);
  return {std::move(config), std::move(renamed)};
}

FilePart clip_part(const TensorMap& tensors, const std::string& where) {
  return {text_config(tensors, false, where), tensors};
}

FilePart open_clip_part(const TensorMap& tensors, bool all_layers, std::optional<std::int64_t> layers,
                        const std::string& where) {
  const int known = count_of(tensors, "transformer.resblocks.");
  const int used = layers ? static_cast<int>(std::min<std::int64_t>(*layers, known)) : used_layers(tensors, all_layers);
  TensorMap renamed = open_clip_names(used, all_layers).to_model(tensors);
  Json config = text_config(renamed, true, where);
  return {std::move(config), std::move(renamed)};
}

std::string_view kind_of_file(const TensorMap& tensors) {
  const auto any = [&](std::string_view part) {
    return std::any_of(tensors.begin(), tensors.end(),
                       [&](const auto& item) { return item.first.find(part) != std::string::npos; });
  };
  struct Sign {
    std::string_view part, kind;
  };
  constexpr std::array<Sign, 12> kSigns{{{"joint_blocks.", "a model of another architecture (Stable Diffusion 3)"},
                                         {"double_blocks.", "a model of another architecture (Flux)"},
                                         {"lora_", "a LoRA; give it with --lora"},
                                         {"hada_w", "a LoRA; give it with --lora"},
                                         {"lokr_w", "a LoRA; give it with --lora"},
                                         {"input_hint_block.", "a ControlNet; give it with --control"},
                                         {"controlnet_cond_embedding.", "a ControlNet; give it with --control"},
                                         {"string_to_param", "a textual inversion; give it with --embedding"},
                                         {"emb_params", "a textual inversion; give it with --embedding"},
                                         {"input_blocks.", "a UNet"},
                                         {"down_blocks.0.attentions.", "a UNet"},
                                         {"decoder.", "an autoencoder; give it with --vae"}}};
  for (const auto& [part, kind] : kSigns) {
    if (any(part)) return kind;
  }
  return "something else";
}

}  // namespace sumi
