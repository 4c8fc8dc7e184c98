#include "adapters/names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "weights/ldm_names.h"

namespace sumi {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

bool cut_front(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::string module_of(std::string_view tensor) { return std::string(tensor.substr(0, tensor.rfind('.'))); }

std::string flat(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '.', '_');
  return text;
}

/// As attention processors of old diffusers said: "to_out" without its number, and the same words in text encoders.
std::string old_name(std::string_view module) {
  constexpr std::array<Pair, 5> kOld{{{".to_out.0", ".to_out"},
                                      {".q_proj", ".to_q"},
                                      {".k_proj", ".to_k"},
                                      {".v_proj", ".to_v"},
                                      {".out_proj", ".to_out"}}};
  for (const auto& [name, old] : kOld) {
    if (module.ends_with(name)) return std::string(module.substr(0, module.size() - name.size())) + std::string(old);
  }
  return {};
}

}  // namespace

ModuleNames::ModuleNames(const TensorMap& tensors) {
  const NameTable ldm = ldm_unet_names(diffusers_unet_layout(tensors));
  for (const auto& [tensor, source] : tensors) {
    const std::string module = module_of(tensor);
    std::string_view name = module;
    cut_front(name, "text_model.");
    for (const std::string& alias : {std::string(name), module_of(ldm.file_name(tensor)), old_name(name)}) {
      if (!alias.empty()) modules_.emplace(flat(alias), module);
    }
  }
}

const std::string* ModuleNames::find(std::string_view name) const {
  std::string wanted = flat(name);
  if (const auto at = wanted.find("_processor_"); at != std::string::npos) wanted.erase(at, 10);
  std::string_view rest = wanted;
  cut_front(rest, "text_model_");
  const auto found = modules_.find(rest);
  return found == modules_.end() ? nullptr : &found->second;
}

ModulePlace place_of(std::string_view module) {
  constexpr std::array<Pair, 9> kPrefixes{{{"lora_unet_", "unet"},
                                           {"lora_te_", "text_encoder"},
                                           {"lora_te1_", "text_encoder"},
                                           {"lora_te2_", "text_encoder_2"},
                                           {"unet.", "unet"},
                                           {"text_encoder.", "text_encoder"},
                                           {"text_encoder_2.", "text_encoder_2"},
                                           {"diffusion_model.", "unet"},
                                           {"lycoris_", ""}}};
  constexpr std::string_view kPeft = "base_model.model.";
  cut_front(module, kPeft);
  ModulePlace place{"", module};
  for (const auto& [prefix, component] : kPrefixes) {
    if (!cut_front(place.name, prefix)) continue;
    place.component = component;
    break;
  }
  cut_front(place.name, kPeft);
  return place;
}

}  // namespace sumi
