#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weights/model_files.h"

namespace sumi {

/// The configurations of a well-known model with random weights: speed and memory depend on nothing else.
class Preset final : public ModelFiles {
 public:
  /// One of preset_names(): "sd15", "sdxl-turbo", ... Error(not_found) that lists them for another name.
  explicit Preset(std::string_view name);

  std::vector<std::string> weighted() const override;
  Settings config(std::string_view component) const override;
  /// Every tensor of the component, stored in float16, as most models come.
  CheckpointPtr weights(std::string_view component) const override;
  std::optional<std::filesystem::path> tokenizer(std::string_view) const override { return std::nullopt; }
};

std::vector<std::string> preset_names();

}  // namespace sumi
