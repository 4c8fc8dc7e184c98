#pragma once

#include "ops/context.h"
#include "sumi/latents.h"

namespace sumi {

LatentShape latent_shape(const Shape& shape);
Shape tensor_shape(const LatentShape& shape);
/// A copy, of zeros in a dry run.
Latents download_latents(Context& ctx, const Tensor& latents);
Tensor upload_latents(Context& ctx, const Latents& latents);
/// Into the memory of `to`. Error(usage) for another shape.
void overwrite_latents(Context& ctx, const Latents& latents, const Tensor& to);

}  // namespace sumi
