#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weights/loader.h"
#include "weights/model_files.h"

namespace sumi {

/// The configurations of a well-known model with random weights: speed and memory depend on nothing else.
class Preset final : public ModelFiles {
 public:
  /// One of preset_names(): "sd15", "sdxl-turbo", ... Error(not_found) that lists them for another name.
  explicit Preset(std::string_view name);

  std::vector<std::string> weighted() const override;
  Settings config(std::string_view component) const override;
  /// Every tensor of the component, of the shape that published files have, stored in float16 as most of them.
  CheckpointPtr weights(std::string_view component) const override;
  std::optional<std::filesystem::path> tokenizer(std::string_view) const override { return std::nullopt; }
};

std::vector<std::string> preset_names();

/// Takes all that a component ("unet", "vae", else a text encoder) has from the loader, by building it.
void visit_weights(std::string_view component, const Settings& config, const Loader& loader);

}  // namespace sumi
