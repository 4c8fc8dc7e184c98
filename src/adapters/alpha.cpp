#include "adapters/alpha.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/paths.h"
#include "weights/pickled.h"
#include "weights/safetensors.h"

namespace sumi {
namespace {

/// A key of `alpha_pattern`, which PEFT reads as a regular expression for the end of a name. Those that are used are
/// names, with dots escaped or not.
std::string plain_key(const Settings& settings, std::string_view key) {
  std::string plain;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key[i] == '\\' && i + 1 < key.size() && key[i + 1] == '.') continue;
    if (std::string_view("\\*+?()[]{}|$").find(key[i]) != std::string_view::npos || (key[i] == '^' && i > 0)) {
      fail(ErrorCode::unsupported, "{}: alpha_pattern: '{}' is not the end of a name", settings.where(), key);
    }
    plain += key[i];
  }
  return plain;
}

bool matches(std::string_view key, std::string_view module) {
  if (key.starts_with('^')) return module == key.substr(1);
  if (!module.ends_with(key)) return false;
  return module.size() == key.size() || module[module.size() - key.size() - 1] == '.';
}

/// The settings of each component, whose keys begin with its name and a dot.
AlphaRules rules_of(const Json& metadata, const std::string& where) {
  AlphaRules rules;
  for (const char* component : {"unet", "text_encoder", "text_encoder_2"}) {
    const std::string prefix = std::string(component) + ".";
    Json settings = Json::object();
    for (const auto& [key, value] : metadata.items()) {
      if (key.starts_with(prefix)) settings[key.substr(prefix.size())] = value;
    }
    if (!settings.empty()) rules.emplace(component, AlphaRule(Settings(std::move(settings), where)));
  }
  return rules;
}

}  // namespace

AlphaRule::AlphaRule(const Settings& settings)
    : alpha_(settings.number("lora_alpha", 8)), root_(settings.flag("use_rslora", false)) {
  if (!settings.has("alpha_pattern")) return;
  const Settings patterns(settings.at("alpha_pattern"), settings.where() + ": alpha_pattern");
  for (const auto& [key, value] : patterns.json().items()) {
    alphas_.emplace(plain_key(settings, key), patterns.number(key.c_str(), 0));
  }
}

double AlphaRule::scale(std::string_view module, double rank) const {
  const auto own =
      std::find_if(alphas_.begin(), alphas_.end(), [&](const auto& item) { return matches(item.first, module); });
  return (own == alphas_.end() ? alpha_ : own->second) / (root_ ? std::sqrt(rank) : rank);
}

AlphaRules read_alpha_rules(const std::filesystem::path& adapter) {
  const auto config = adapter.parent_path() / "adapter_config.json";
  if (adapter.stem() == "adapter_model" && is_there(config)) {
    return {{"", AlphaRule(Settings(read_json(config), config.string()))}};
  }
  if (is_pickled(adapter)) return {};
  const auto metadata = read_safetensors_metadata(adapter);
  const auto found = metadata.find("lora_adapter_metadata");
  if (found == metadata.end()) return {};
  const std::string where = adapter.string() + ": lora_adapter_metadata";
  return rules_of(Settings(parse_json(found->second, where), where).json(), where);
}

}  // namespace sumi
