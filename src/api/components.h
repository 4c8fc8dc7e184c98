#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"
#include "models/clip_text.h"
#include "models/presets.h"
#include "models/unet.h"
#include "models/vae.h"
#include "weights/checkpoint.h"
#include "weights/folder.h"

namespace sumi {

/// The parts of a model one by one, as its folder or preset names them: models that no pipeline here runs have them
/// too.
class Components {
 public:
  /// `model` as EngineOptions::model. Error(not_found, bad_file).
  explicit Components(const std::string& model);

  bool synthetic() const { return preset_.has_value(); }
  std::string name() const;
  /// Empty for synthetic models.
  std::filesystem::path path() const { return folder_ ? folder_->path() : std::filesystem::path(); }
  /// Those that have weights: "text_encoder", "unet", ...
  std::vector<std::string> weighted() const;
  /// The class that made it: "UNet2DConditionModel".
  std::string kind(const std::string& component) const;
  Settings config(const std::string& component) const;
  /// Of a synthetic model with every tensor of the part.
  CheckpointPtr weights(const std::string& component) const;

  // Error(bad_file, bad_model, unsupported) with all that is wrong.
  UNet unet() const;
  Vae vae() const;
  std::vector<ClipText> text_encoders() const;

 private:
  template <class Part, class Config>
  Part build(const std::string& component, const CheckpointPtr& checkpoint, Names (*names)(const Checkpoint&)) const;
  CheckpointPtr open(const std::string& component) const;

  std::optional<Preset> preset_;
  std::optional<ModelFolder> folder_;
};

}  // namespace sumi
