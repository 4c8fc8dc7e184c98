#pragma once

#include <map>
#include <string>
#include <string_view>

#include "weights/checkpoint.h"

namespace sumi {

/// The modules of a model's component under every name that adapters' files give them: joined by underscores, as in the
/// component, as in LDM's UNet, and as old diffusers called the projections of attention.
class ModuleNames {
 public:
  /// Of tensors with the names of diffusers or transformers.
  explicit ModuleNames(const TensorMap& tensors);

  /// nullptr where no module has that name.
  const std::string* find(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> modules_;
};

/// What a file calls a module, cut in the component that it names ("unet", "text_encoder", "text_encoder_2", or
/// nothing) and the name in it.
struct ModulePlace {
  std::string_view component, name;
};
ModulePlace place_of(std::string_view module);

}  // namespace sumi
