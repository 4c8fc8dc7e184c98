#include "adapters/adapter.h"

#include <algorithm>
#include <array>
#include <utility>

#include "adapters/module.h"
#include "core/check.h"
#include "weights/pickled.h"
#include "weights/safetensors.h"

namespace sumi {
namespace {

struct Ending {
  std::string_view text, part;
};

/// How names of tensors end, and what the tensor is: `up` and `down` are the factors of LoRA in every naming.
constexpr std::array kEndings{
    Ending{".lora_down.weight", "down"},
    Ending{".lora_up.weight", "up"},
    Ending{".lora_mid.weight", "mid"},
    Ending{".lora_A.weight", "down"},
    Ending{".lora_B.weight", "up"},
    Ending{".lora_A.default.weight", "down"},
    Ending{".lora_B.default.weight", "up"},
    Ending{".lora.down.weight", "down"},
    Ending{".lora.up.weight", "up"},
    Ending{".lora_linear_layer.down.weight", "down"},
    Ending{".lora_linear_layer.up.weight", "up"},
    Ending{"_lora.down.weight", "down"},
    Ending{"_lora.up.weight", "up"},
    Ending{".alpha", "alpha"},
    Ending{".dora_scale", "dora_scale"},
    Ending{".lora_magnitude_vector", "magnitude"},
    Ending{".lora_magnitude_vector.weight", "magnitude"},
    Ending{".lora_magnitude_vector.default.weight", "magnitude"},
    Ending{".hada_w1_a", "hada_w1_a"},
    Ending{".hada_w1_b", "hada_w1_b"},
    Ending{".hada_w2_a", "hada_w2_a"},
    Ending{".hada_w2_b", "hada_w2_b"},
    Ending{".hada_t1", "hada_t1"},
    Ending{".hada_t2", "hada_t2"},
    Ending{".lokr_w1", "lokr_w1"},
    Ending{".lokr_w1_a", "lokr_w1_a"},
    Ending{".lokr_w1_b", "lokr_w1_b"},
    Ending{".lokr_w2", "lokr_w2"},
    Ending{".lokr_w2_a", "lokr_w2_a"},
    Ending{".lokr_w2_b", "lokr_w2_b"},
    Ending{".lokr_t2", "lokr_t2"},
    Ending{".diff", "diff"},
    Ending{".diff_b", "diff_b"},
    Ending{".w_norm", "diff"},
    Ending{".b_norm", "diff_b"},
    Ending{".lora_up.bias", "up_bias"},
    Ending{".lora_B.bias", "up_bias"},
    Ending{".lora_B.default.bias", "up_bias"},
};

/// Within a folder as diffusers or PEFT save one.
std::filesystem::path file_of(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return path;
  for (const char* name : {"pytorch_lora_weights.safetensors", "adapter_model.safetensors"}) {
    if (std::filesystem::exists(path / name)) return path / name;
  }
  fail(ErrorCode::not_found,
       "{}: this folder has neither pytorch_lora_weights.safetensors nor adapter_model.safetensors; name the file of "
       "the adapter",
       path.string());
}

}  // namespace

AdapterPtr parse_adapter(const TensorMap& tensors, std::string where, const AlphaRules& alphas) {
  std::map<std::string, AdapterModule, std::less<>> modules;
  std::vector<std::string> unread;
  for (const auto& item : tensors) {
    const std::string& name = item.first;
    const auto ending =
        std::find_if(kEndings.begin(), kEndings.end(), [&](const Ending& each) { return name.ends_with(each.text); });
    if (ending == kEndings.end()) {
      unread.push_back(name);
      continue;
    }
    const std::string module = name.substr(0, name.size() - ending->text.size());
    modules.try_emplace(module, where, module, alphas).first->second.add(ending->part, name, item.second);
  }
  std::vector<Adapter::Layer> layers;
  for (auto& [name, module] : modules) {
    if (auto change = module.take_change()) layers.push_back({name, std::move(*change)});
    if (auto change = module.take_bias_change()) layers.push_back({name, std::move(*change), "bias"});
    for (std::string& left : module.names()) unread.push_back(std::move(left));
  }
  check(!layers.empty(), ErrorCode::unsupported,
        "{}: holds no changes of weights: no tensor is named as in a file of LoRA, LoHa, LoKr or DoRA", where);
  return std::make_shared<const Adapter>(std::move(where), std::move(layers), std::move(unread));
}

AdapterPtr read_adapter(const std::filesystem::path& given) {
  const std::filesystem::path path = file_of(given);
  return parse_adapter(is_pickled(path) ? read_pickled(path) : read_safetensors(path), path.string(),
                       read_alpha_rules(path));
}

}  // namespace sumi
