#pragma once

#include "weights/model_files.h"

namespace sumi {

/// A model's tensors as one file with LDM's names holds them: UNet, autoencoder and text encoders of a whole model, or
/// the only part of `open_part`: a UNet or ControlNet with the prefix that it has in a whole file, an autoencoder
/// without. Values change their places where the names do, never their bits. `v_pred` and `ztsnr`, of no elements, mark
/// models that predict v and schedules that end in noise, as others do; `epsilon_pred` those of Stable Diffusion 2 that
/// predict noise, which no file shows otherwise. Error(unsupported) for parts that such files do not have.
TensorMap ldm_file(const ModelFiles& files);

}  // namespace sumi
