#pragma once

#include <filesystem>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "core/json.h"
#include "weights/checkpoint.h"

namespace sumi {

/// A part of a model as `model_index.json` names it.
struct Component {
  std::string library;           ///< "diffusers", "transformers"
  std::string type;              ///< "UNet2DConditionModel"
  std::filesystem::path folder;  ///< need not exist
};

/// A model in diffusers layout: `model_index.json` and a folder for each component.
class ModelFolder {
 public:
  /// Error(not_found) where there is no such folder or it has no model_index.json, Error(bad_file) for a broken one.
  explicit ModelFolder(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  const std::string& pipeline() const { return pipeline_; }  ///< "StableDiffusionPipeline"
  const Settings& index() const { return index_; }
  /// Those that are named and not null.
  const std::map<std::string, Component, std::less<>>& components() const { return components_; }
  bool has(std::string_view name) const { return components_.contains(name); }
  /// Error(bad_model) naming what the model has instead.
  const Component& component(std::string_view name) const;
  /// Error(bad_model) that lists all of `names` which the index lacks or whose folder is missing.
  void require(std::initializer_list<std::string_view> names) const;

  /// `config.json`, or a scheduler's `scheduler_config.json`.
  Settings config(std::string_view name) const;
  /// The weights, float32 ones first, else a `.fp16.` variant. Error(unsupported) where there are only pickled ones.
  CheckpointPtr weights(std::string_view name) const;

 private:
  std::filesystem::path path_;
  Settings index_;
  std::string pipeline_;
  std::map<std::string, Component, std::less<>> components_;
};

/// The weight file of one component's folder: a safetensors file or the index of several.
std::filesystem::path weight_file(const std::filesystem::path& folder);

}  // namespace sumi
