#include "adapters/names.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace sumi {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

bool cut_front(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::string flat(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '.', '_');
  return text;
}

/// "down_blocks.1.resnets.0.conv1" in parts: the stage's number, the kind of block, its number, what is inside.
struct BlockName {
  int stage = 0;
  std::string_view kind;
  int index = 0;
  std::string_view inner;
};

bool cut_number(std::string_view& text, int& number) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > 4) return false;
  number = std::stoi(std::string(text.substr(0, digits)));
  text.remove_prefix(digits);
  return text.empty() || cut_front(text, ".");
}

bool cut_block(std::string_view text, BlockName& name) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return false;
  name.kind = text.substr(0, dot);
  text.remove_prefix(dot + 1);
  if (!cut_number(text, name.index)) return false;
  name.inner = text;
  return true;
}

/// LDM numbers the blocks of a UNet's way down and up through, resnets with their transformers and samplers alike.
class LdmNames {
 public:
  explicit LdmNames(const std::vector<std::string>& modules) {
    for (const std::string& module : modules) {
      std::string_view rest = module;
      const bool down = cut_front(rest, "down_blocks.");
      BlockName name;
      if ((!down && !cut_front(rest, "up_blocks.")) || !cut_number(rest, name.stage) || !cut_block(rest, name))
        continue;
      Stage& stage = (down ? down_ : up_)[name.stage];
      if (name.kind == "resnets") stage.resnets = std::max(stage.resnets, name.index + 1);
      if (name.kind == "attentions") stage.transformers = true;
      if (name.kind == "downsamplers" || name.kind == "upsamplers") stage.sampler = true;
    }
  }

  /// Empty where LDM has no other name.
  std::string operator()(std::string_view module) const {
    constexpr std::array<Pair, 7> kOutside{{{"time_embedding.linear_1", "time_embed.0"},
                                            {"time_embedding.linear_2", "time_embed.2"},
                                            {"add_embedding.linear_1", "label_emb.0.0"},
                                            {"add_embedding.linear_2", "label_emb.0.2"},
                                            {"conv_in", "input_blocks.0.0"},
                                            {"conv_norm_out", "out.0"},
                                            {"conv_out", "out.2"}}};
    for (const auto& [name, ldm] : kOutside) {
      if (module == name) return std::string(ldm);
    }
    BlockName name;
    if (cut_front(module, "mid_block.") && cut_block(module, name)) {
      if (name.kind == "resnets") return fmt::format("middle_block.{}.{}", 2 * name.index, resnet(name.inner));
      return fmt::format("middle_block.{}.{}", 2 * name.index + 1, name.inner);
    }
    const bool down = cut_front(module, "down_blocks.");
    if ((!down && !cut_front(module, "up_blocks.")) || !cut_number(module, name.stage) || !cut_block(module, name)) {
      return {};
    }
    return in_stage(down, name);
  }

 private:
  struct Stage {
    int resnets = 0;
    bool transformers = false, sampler = false;
  };

  std::string in_stage(bool down, const BlockName& name) const {
    const auto& stages = down ? down_ : up_;
    int block = down ? 1 : 0;
    for (const auto& [number, stage] : stages) {
      if (number < name.stage) block += stage.resnets + (down && stage.sampler ? 1 : 0);
    }
    const Stage& here = stages.at(name.stage);
    const std::string_view blocks = down ? "input_blocks" : "output_blocks";
    if (name.kind == "resnets") return fmt::format("{}.{}.0.{}", blocks, block + name.index, resnet(name.inner));
    if (name.kind == "attentions") return fmt::format("{}.{}.1.{}", blocks, block + name.index, name.inner);
    if (name.kind == "downsamplers") return fmt::format("{}.{}.0.op", blocks, block + here.resnets);
    return fmt::format("{}.{}.{}.conv", blocks, block + here.resnets - 1, here.transformers ? 2 : 1);
  }

  static std::string_view resnet(std::string_view inner) {
    constexpr std::array<Pair, 6> kInner{{{"norm1", "in_layers.0"},
                                          {"conv1", "in_layers.2"},
                                          {"time_emb_proj", "emb_layers.1"},
                                          {"norm2", "out_layers.0"},
                                          {"conv2", "out_layers.3"},
                                          {"conv_shortcut", "skip_connection"}}};
    const auto found =
        std::find_if(kInner.begin(), kInner.end(), [&](const Pair& each) { return each.first == inner; });
    return found == kInner.end() ? inner : found->second;
  }

  std::map<int, Stage> down_, up_;
};

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

ModuleNames::ModuleNames(const std::vector<std::string>& modules) {
  const LdmNames ldm(modules);
  for (const std::string& module : modules) {
    std::string_view name = module;
    cut_front(name, "text_model.");
    for (const std::string& alias : {std::string(name), ldm(name), old_name(name)}) {
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
