#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/adapters.h"
#include "core/settings.h"
#include "models/autoencoder.h"
#include "models/clip_text.h"
#include "models/unet.h"
#include "text/tokenizer.h"
#include "weights/model_files.h"

namespace sumi {

/// What a request takes where it leaves something open.
struct Defaults {
  int steps, width, height;
  double guidance;

  /// The same of weights that were distilled to take few steps, and with guidance in them.
  Defaults distilled() const { return {.steps = 4, .width = width, .height = height, .guidance = 1}; }
};

/// A text encoder and the tokenizer that it was trained with.
struct TextEncoder {
  Tokenizer tokenizer;
  ClipText text;
};

/// The parts of a model. Weights stay in their file until a backend packs them.
struct Model {
  std::string name;                ///< for people: the folder's name
  std::vector<TextEncoder> texts;  ///< their embeddings are joined along the channels, in this order
  UNet unet;
  Autoencoder vae;
  Settings scheduler;      ///< scheduler_config.json
  Settings unet_settings;  ///< the UNet's config.json
  Defaults defaults;
  Adapters adapters;
  /// A negative prompt that is absent is all zeros, not the embedding of "" (`force_zeros_for_empty_prompt`).
  bool zeros_without_negative = false;

  std::int64_t latent_channels() const { return vae.latent_channels(); }
  /// Of all text encoders together.
  std::int64_t prompt_channels() const;
  /// Whether the UNet takes the latents of a picture beside its own: InstructPix2Pix.
  bool changes_pictures() const { return unet.config().in_channels == 2 * latent_channels(); }
  /// Whether it takes a mask, too: inpainting.
  bool paints_masked() const { return unet.config().in_channels == 2 * latent_channels() + 1; }
  /// Whether the UNet takes the pooled prompt and numbers too: Stable Diffusion XL. Its prompt comes from the last but
  /// one layer, without the final norm.
  bool pooled() const { return unet.config().added_channels > 0; }
  /// How many numbers: 6 for SDXL, 5 for its refiner.
  std::int64_t size_numbers() const;
};

/// Which model, and what of it is replaced.
struct ModelChoice {
  std::string name;        ///< as EngineOptions::model
  std::string vae;         ///< a folder or file; empty: the model's own
  std::string config;      ///< a folder in diffusers layout for the configurations of a single file
  std::string prediction;  ///< "epsilon" or "v_prediction"; empty: as the model says
};

/// Error(not_found, bad_file, bad_model, unsupported) with all that is wrong with a part.
std::unique_ptr<Model> load_model(const ModelChoice& choice);

}  // namespace sumi
