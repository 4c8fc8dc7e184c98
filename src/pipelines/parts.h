#pragma once

#include <memory>
#include <string>

#include "models/autoencoder.h"
#include "models/clip_text.h"
#include "models/controlnet.h"
#include "models/unet.h"
#include "models/vae.h"
#include "weights/model_files.h"

namespace sumi {

struct ModelChoice;

/// The files of a model. Error(not_found, bad_file).
std::unique_ptr<ModelFiles> open_model(const ModelChoice& choice);

// A part of a model from its configuration and weights. Error(bad_file, bad_model, unsupported) with all that is wrong:
// a part uses its whole checkpoint.
ClipText build_text_encoder(const Settings& config, const CheckpointPtr& weights);
UNet build_unet(const Settings& config, const CheckpointPtr& weights);
Vae build_vae(const Settings& config, const CheckpointPtr& weights);
/// As the class in the configuration says: AutoencoderKL or AutoencoderTiny.
Autoencoder build_autoencoder(const Settings& config, const CheckpointPtr& weights);
/// The model's autoencoder, or that of `instead` (ModelChoice::vae).
Autoencoder load_autoencoder(const ModelFiles& files, const std::string& instead);
ControlNet build_controlnet(const Settings& config, const CheckpointPtr& weights);

}  // namespace sumi
