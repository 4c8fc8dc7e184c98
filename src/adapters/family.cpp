#include "adapters/family.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace sumi {

std::string family_of(std::int64_t prompt_channels) {
  switch (prompt_channels) {
    case 768: return "Stable Diffusion 1";
    case 1024: return "Stable Diffusion 2";
    case 2048: return "Stable Diffusion XL";
    case 1280: return "the refiner of Stable Diffusion XL";
    default: return fmt::format("one whose prompts have {} channels", prompt_channels);
  }
}

bool reads_prompt(std::string_view name) {
  constexpr std::array<std::string_view, 4> kLayers{"attn2.to_k", "attn2_to_k", "attn2.to_v", "attn2_to_v"};
  return std::any_of(kLayers.begin(), kLayers.end(),
                     [&](std::string_view layer) { return name.find(layer) != std::string_view::npos; });
}

std::string family_of(const Adapter& adapter) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kOthers{
      {{"joint_blocks", "Stable Diffusion 3"},
       {"add_k_proj", "Stable Diffusion 3"},
       {"double_blocks", "Flux"},
       {"single_blocks", "Flux"},
       {"single_transformer_blocks", "Flux"},
       {"lora_prior_", "Stable Cascade"},
       {"lora_te2_", "Stable Diffusion XL"}}};
  for (const Adapter::Layer& layer : adapter.layers()) {
    if (reads_prompt(layer.module)) return family_of(layer.change.columns);
  }
  for (const auto& [name, family] : kOthers) {
    for (const Adapter::Layer& layer : adapter.layers()) {
      if (layer.module.find(name) != std::string::npos) return std::string(family);
    }
  }
  return {};
}

}  // namespace sumi
