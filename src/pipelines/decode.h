#pragma once

#include <vector>

#include "ops/context.h"
#include "pipelines/model.h"
#include "sumi/image.h"

namespace sumi {

/// Values of pictures, (batch, height, width, 3) in 0..1.
struct Pixels {
  std::int64_t batch, height, width;
  std::vector<float> values;
};

/// Pictures from the latents that the UNet works on, one at a time: a decode's activations are the largest of all.
/// `tiled` as Autoencoder::decode.
Pixels decode(Context& ctx, const Model& model, const Tensor& latents, bool tiled);

/// One of the pictures, rounded to eight bits.
Image to_image(const Pixels& pixels, std::int64_t picture);

/// A picture as `least` to 1: (1, height, width, 3) float32.
Tensor upload_picture(Context& ctx, const Image& picture, double least);

}  // namespace sumi
