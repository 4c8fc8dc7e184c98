#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "core/settings.h"

namespace sumi {

/// What PEFT's configuration says of the scale of low-rank changes, for files without alpha tensors: alpha / rank, or
/// alpha / sqrt(rank). Ranks are read off the factors, whatever a `rank_pattern` says.
class AlphaRule {
 public:
  /// `lora_alpha`, `alpha_pattern` and `use_rslora`. Error(bad_file) for values that make no sense, Error(unsupported)
  /// for a pattern that is more than the end of a name.
  explicit AlphaRule(const Settings& settings);

  /// `module` as the model calls it, with dots.
  double scale(std::string_view module, double rank) const;

 private:
  double alpha_;
  bool root_;
  std::map<std::string, double, std::less<>> alphas_;  // by the ends of names; a leading ^ for whole ones
};

/// Rules by component ("unet", "text_encoder", "text_encoder_2"), or "" for all.
using AlphaRules = std::map<std::string, AlphaRule, std::less<>>;

/// Of PEFT's adapter_config.json beside an `adapter_model` file, and of what diffusers writes into the metadata of a
/// safetensors file.
AlphaRules read_alpha_rules(const std::filesystem::path& adapter);

}  // namespace sumi
