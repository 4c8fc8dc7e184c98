#pragma once

#include <vector>

#include "sumi/parts/model.h"
#include "sumi/parts/noise.h"

namespace sumi::parts {

/// The way between pictures and latents.
class Autoencoder {
 public:
  /// `tiling`: pictures larger than the training's in overlapping pieces, as Shortcuts::vae_tiling.
  explicit Autoencoder(const Model& model, bool tiling = false) : model_(model), tiling_(tiling) {}

  /// The picture's latents, made as large as `noise` has them, one for each of its seeds: drawn from the distribution
  /// that the encoder gives, with `noise`. Error(out_of_memory), Error(usage) for an empty picture or noise of other
  /// channels.
  Latents encode(const Image& picture, Noise& noise) const;
  /// The middle of that distribution, unscaled, of one picture made as large as `shape` has them: what a model that
  /// changes pictures sees beside the latents (StepOptions::extra). Error as `encode`.
  Latents encode_mean(const Image& picture, const LatentShape& shape) const;
  /// Pictures, one at a time. Error(usage) for latents of other channels than the model's, Error(out_of_memory).
  std::vector<Image> decode(const Latents& latents) const;

 private:
  Model model_;
  bool tiling_;
};

}  // namespace sumi::parts
