#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/dtype.h"
#include "core/settings.h"
#include "weights/model_files.h"

namespace sumi {

/// A folder that appears whole or not at all: files go to a hidden one beside it. Error(io) where it cannot be written
/// or is there already, with something in it.
class AtomicFolder {
 public:
  explicit AtomicFolder(const std::filesystem::path& path);
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  ~AtomicFolder();

  /// Where a file of the folder is to be written; the folders above it are made.
  std::filesystem::path at(const std::filesystem::path& relative) const;
  void commit();

 private:
  [[noreturn]] void refuse(int error) const;

  std::filesystem::path path_, temporary_;
};

void write_json(const std::filesystem::path& path, const Json& json);
/// A component's weights under the name that diffusers and transformers look for; `component` may be empty: the folder
/// itself.
void write_weights(const AtomicFolder& out, const std::string& component, const TensorMap& tensors,
                   std::optional<DType> type);
/// The files of a tokenizer: the model's own, or CLIP's.
void write_tokenizer(const AtomicFolder& out, const ModelFiles& files, const std::string& name);
/// "f32", "f16" or "bf16"; Error(usage) for another.
DType parse_weight_type(const std::string& name);

}  // namespace sumi
