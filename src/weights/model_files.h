#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/settings.h"
#include "weights/checkpoint.h"

namespace sumi {

/// A part of a model as `model_index.json` names it.
struct Component {
  std::string library;  ///< "diffusers", "transformers"
  std::string type;     ///< "UNet2DConditionModel"
};
using Components = std::map<std::string, Component, std::less<>>;

/// Where the parts of a model come from, each with its configuration and weights: a folder in diffusers layout, a
/// single file, a preset with random weights. Nothing is read before it is asked for.
class ModelFiles {
 public:
  virtual ~ModelFiles() = default;
  ModelFiles(const ModelFiles&) = delete;
  ModelFiles& operator=(const ModelFiles&) = delete;

  const std::string& name() const { return name_; }            ///< for people
  const std::filesystem::path& path() const { return path_; }  ///< of the folder or file; empty where there is none
  /// `model_index.json`, or what stands for it.
  const Settings& index() const { return index_; }
  /// The class of the pipeline: "StableDiffusionPipeline".
  const std::string& pipeline() const { return pipeline_; }
  /// Those that are named and not null.
  const Components& components() const { return components_; }
  bool has(std::string_view component) const { return components_.contains(component); }
  /// Error(bad_model) naming what the model has instead.
  const Component& component(std::string_view name) const;
  /// Error(bad_model) that lists all of `names` which the model lacks.
  void require(const std::vector<std::string_view>& names) const;

  /// Components that have weights, in the order of names.
  virtual std::vector<std::string> weighted() const = 0;
  /// `config.json`, or a scheduler's `scheduler_config.json`.
  virtual Settings config(std::string_view component) const = 0;
  virtual CheckpointPtr weights(std::string_view component) const = 0;
  /// The folder with a tokenizer's files; nothing for the tokenizer that CLIP came with.
  virtual std::optional<std::filesystem::path> tokenizer(std::string_view component) const = 0;

 protected:
  /// Error(bad_file) for an index that is none.
  ModelFiles(std::string name, std::filesystem::path path, Settings index);
  /// Why a component that the index names cannot be used, or nothing.
  virtual std::string absence(std::string_view) const { return {}; }

 private:
  std::string name_;
  std::filesystem::path path_;
  Settings index_;
  std::string pipeline_;
  Components components_;
};

}  // namespace sumi
