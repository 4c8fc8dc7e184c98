#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace sumi {

/// The configurations of a well-known model, for synthetic weights: speed and memory depend on nothing else.
class Preset {
 public:
  Preset(std::string name, std::map<std::string, Json, std::less<>> components)
      : name_(std::move(name)), components_(std::move(components)) {}

  const std::string& name() const { return name_; }
  /// "unet", "vae", "text_encoder", "scheduler", and "text_encoder_2" where the model has one.
  bool has(std::string_view component) const { return components_.contains(component); }
  /// As `ModelFolder::config`. Error(bad_model) where the model has no such component.
  Settings config(std::string_view component) const;

 private:
  std::string name_;
  std::map<std::string, Json, std::less<>> components_;
};

/// "sd15", "sd21", "sdxl" or "bksdm-small". Error(not_found) that lists them for another name.
Preset find_preset(std::string_view name);
std::vector<std::string> preset_names();

}  // namespace sumi
