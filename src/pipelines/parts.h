#pragma once

#include <memory>
#include <string>

#include "models/clip_text.h"
#include "models/unet.h"
#include "models/vae.h"
#include "weights/model_files.h"

namespace sumi {

/// The files of a model. `name` as EngineOptions::model. Error(not_found, bad_file).
std::unique_ptr<ModelFiles> open_model(const std::string& name);

// A part of a model from its configuration and weights. Error(bad_file, bad_model, unsupported) with all that is wrong:
// a part uses its whole checkpoint.
ClipText build_text_encoder(const Settings& config, const CheckpointPtr& weights);
UNet build_unet(const Settings& config, const CheckpointPtr& weights);
Vae build_vae(const Settings& config, const CheckpointPtr& weights);

}  // namespace sumi
