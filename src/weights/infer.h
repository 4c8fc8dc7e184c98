#pragma once

#include <string>

#include "core/settings.h"
#include "weights/layout.h"

namespace sumi {

// The configurations, as diffusers and transformers write them, of parts whose files say nothing but names and shapes.
// What shapes cannot tell is the default of the part's family; `where` names the file in errors.

/// What the files of Stable Diffusion differ by.
struct Family {
  enum class Kind { sd1, sd2, xl, refiner };

  Kind kind = Kind::sd1;
  bool velocity = false;  ///< trained to predict v
  bool zero_snr = false;  ///< trained with schedules that end in pure noise
};

/// `tensors` are under diffusers' names. Error(unsupported) for a UNet that no configuration describes.
Json unet_config(const UNetLayout& layout, const TensorMap& tensors, const Family& family, const std::string& where);
Json controlnet_config(const UNetLayout& layout, const TensorMap& tensors, const std::string& where);
Json vae_config(const VaeLayout& layout, const TensorMap& tensors, const Family& family, const std::string& where);
/// The small autoencoder TAESD.
Json tiny_vae_config(const TensorMap& tensors);
/// A text encoder under transformers' names, with or without `text_model.`; `open` for OpenCLIP's.
Json text_config(const TensorMap& tensors, bool open, const std::string& where);
/// What the family is usually sampled with; `unet` is its configuration.
Json scheduler_config(const Family& family, const Json& unet);
/// `model_index.json`'s class and flags.
Json pipeline_config(const Family& family, const Json& unet);

}  // namespace sumi
