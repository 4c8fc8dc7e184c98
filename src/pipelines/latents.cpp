#include "pipelines/latents.h"

namespace sumi {

LatentShape latent_shape(const Shape& shape) {
  return {.batch = shape[0], .height = shape[1], .width = shape[2], .channels = shape[3]};
}

Shape tensor_shape(const LatentShape& shape) { return {shape.batch, shape.height, shape.width, shape.channels}; }

Latents download_latents(Context& ctx, const Tensor& latents) {
  return {latent_shape(latents.shape()), ctx.download(latents)};
}

Tensor upload_latents(Context& ctx, const Latents& latents) {
  return ctx.upload(latents.values(), tensor_shape(latents.shape()));
}

void overwrite_latents(Context& ctx, const Latents& latents, const Tensor& to) {
  check(tensor_shape(latents.shape()) == to.shape(), ErrorCode::usage, "latents {}: expected {}",
        latents.shape().text(), to.shape().text());
  if (!ctx.backend.dry()) ctx.backend.upload(std::as_bytes(latents.values()), to.raw());
}

}  // namespace sumi
