#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/json.h"
#include "weights/checkpoint.h"
#include "weights/infer.h"

namespace sumi {

/// A part of a model out of a file: its configuration, with a `_class_name`, and its tensors under the names of
/// diffusers and transformers.
struct FilePart {
  Json config;
  TensorMap tensors;
};

// The parts that a file's tensors make, whether named as LDM or as diffusers does, without the prefix that they have in
// a whole checkpoint. Error(unsupported) where they make none.
FilePart unet_part(const TensorMap& tensors, const Family& family, const std::string& where);
FilePart controlnet_part(const TensorMap& tensors, const std::string& where);
/// The usual autoencoder or the small one.
FilePart vae_part(const TensorMap& tensors, const Family& family, const std::string& where);
/// A text encoder with transformers' names.
FilePart clip_part(const TensorMap& tensors, const std::string& where);
/// OpenCLIP's. Stable Diffusion 2 takes the state before the last layer, which then is left out: `all_layers` false.
/// `layers`: as many, where that is known.
FilePart open_clip_part(const TensorMap& tensors, bool all_layers, std::optional<std::int64_t> layers,
                        const std::string& where);

/// "a LoRA; give it with --lora": what tensors that make no model seem to be, for errors.
std::string_view kind_of_file(const TensorMap& tensors);

}  // namespace sumi
