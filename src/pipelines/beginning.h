#pragma once

#include <optional>

#include "pipelines/job.h"
#include "pipelines/noise.h"

namespace sumi {

/// What the steps begin with.
struct Beginning {
  /// The part of a picture that stays as it was while the rest is painted.
  struct Kept {
    Tensor latents, noise;  ///< of the picture, and what makes a noisy one of it: (batch, height, width, channels)
    Tensor painted;         ///< 1 where latents are painted, else 0: (batch, height, width, channels)
  };

  Tensor latents;  ///< (batch, height, width, channels)
  /// Channels that the UNet sees beside the latents, (batch, height, width, extra channels): a mask and the picture
  /// without what it covers, or a picture.
  Tensor extra;
  std::optional<Kept> kept;
};

/// A picture's latents as the UNet sees them: (batch, height, width, channels), one drawn from their distribution with
/// each seed's noise, where they are one. picture: (1, height, width, 3) of -1 to 1.
Tensor encode_picture(Context& ctx, const Model& model, const Tensor& picture, bool tiled, Noise& noise);

Beginning begin(Context& ctx, const Model& model, const Job& job, Noise& noise);

}  // namespace sumi
