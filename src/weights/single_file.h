#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "weights/model_files.h"

namespace sumi {

struct SingleFileOptions {
  /// A folder in diffusers layout whose configurations and tokenizers win over what shapes tell; of parts that it lacks
  /// nothing changes.
  std::filesystem::path config = {};
  /// "epsilon" or "v", which weights do not show. Empty: what the configuration says; else v
  /// where a `.yaml` beside the file has `parameterization: "v"`, the file holds `v_pred` or `ztsnr`, or its
  /// `alphas_cumprod` end in zero; else, without a `.yaml`, what most files of the family predict: v for Stable
  /// Diffusion 2, noise for the others.
  std::string prediction = {};
};

/// A whole model in one safetensors file or checkpoint of PyTorch with the names of LDM: Stable Diffusion 1, 2 and XL,
/// its refiner, and those with other inputs or fewer blocks. Its tensors appear under the names of diffusers and
/// transformers. Parts that the file lacks are not among its components. Error(not_found, io, bad_file), or
/// Error(unsupported) for a file of another kind, naming what it seems to be.
std::unique_ptr<ModelFiles> open_single_file(const std::filesystem::path& path, const SingleFileOptions& options = {});

/// One part by itself, "vae", "unet" or "controlnet", as the only component: a folder in diffusers layout of the part
/// or of a whole model, or a file with the names of diffusers or LDM, of the part or of a whole model. Settings that
/// its shapes do not tell come from `defaults` (the configuration of the part which it replaces, of a ControlNet the
/// UNet's) where it has them. Errors as above.
std::unique_ptr<ModelFiles> open_part(const std::filesystem::path& path, std::string_view part, const Json& defaults);
std::unique_ptr<ModelFiles> open_part(const std::filesystem::path& path, std::string_view part);

}  // namespace sumi
