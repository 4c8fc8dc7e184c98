#pragma once

#include <filesystem>

#include "weights/model_files.h"

namespace sumi {

/// A model in diffusers layout: `model_index.json` and a folder for each component.
class ModelFolder final : public ModelFiles {
 public:
  /// Error(not_found) where there is no such folder or it has no model_index.json, Error(bad_file) for a broken one.
  explicit ModelFolder(const std::filesystem::path& path);

  std::vector<std::string> weighted() const override;
  Settings config(std::string_view component) const override;
  /// Those of `weight_file`.
  CheckpointPtr weights(std::string_view component) const override;
  std::optional<std::filesystem::path> tokenizer(std::string_view component) const override;

 protected:
  std::string absence(std::string_view component) const override;

 private:
  /// Error(bad_model) where the index does not name it.
  std::filesystem::path folder(std::string_view component) const;
};

/// The weight file of one component's folder, or the index of several: the names of diffusers and transformers,
/// safetensors before PyTorch's, full precision before the variants `.fp16.`, `.bf16.` and `.non_ema.`, else the only
/// file of its kind. Error(not_found), or Error(unsupported) where there are only another framework's.
std::filesystem::path weight_file(const std::filesystem::path& folder);

}  // namespace sumi
