#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/alpha.h"
#include "adapters/change.h"
#include "weights/checkpoint.h"

namespace sumi {

/// A file of changes of a model's weights: LoRA with LoCon's convolutions, LoHa, LoKr, DoRA, or whole differences, of
/// biases and norms too. The factors stay in the file, which is mapped, until a weight is packed.
class Adapter {
 public:
  struct Layer {
    std::string module;  ///< as the file spells it: "lora_unet_mid_block_attentions_0_proj_in"
    WeightChange change;
    std::string tensor = "weight";  ///< of the module: "weight" or "bias"
  };

  Adapter(std::string where, std::vector<Layer> layers, std::vector<std::string> unread)
      : where_(std::move(where)), layers_(std::move(layers)), unread_(std::move(unread)) {}

  const std::string& where() const { return where_; }
  const std::vector<Layer>& layers() const { return layers_; }
  /// Names of tensors that are of no known kind.
  const std::vector<std::string>& unread() const { return unread_; }

 private:
  std::string where_;
  std::vector<Layer> layers_;
  std::vector<std::string> unread_;
};
using AdapterPtr = std::shared_ptr<const Adapter>;

/// Reads the names and shapes of a file, safetensors or pickled, in the naming of kohya, PEFT or diffusers, and PEFT's
/// configuration (alpha.h). A folder stands for the file in it, as diffusers and PEFT save one; Error(not_found) where
/// it has none. Errors of the file's format; Error(bad_file) for factors that are missing, or do not fit each other;
/// Error(unsupported) for a file that holds no changes at all.
AdapterPtr read_adapter(const std::filesystem::path& path);
/// The same of tensors by their names in the file; `where` names it in errors.
AdapterPtr parse_adapter(const TensorMap& tensors, std::string where, const AlphaRules& alphas = {});

}  // namespace sumi
