#include "sumi/parts/autoencoder.h"

#include "api/parts/state.h"
#include "image/resize.h"
#include "pipelines/beginning.h"
#include "pipelines/decode.h"
#include "pipelines/latents.h"

namespace sumi::parts {
namespace {

void check_channels(const sumi::Model& model, const LatentShape& shape) {
  check(shape.values() > 0 && shape.channels == model.latent_channels(), ErrorCode::usage,
        "latents {}: this model has {} channels", shape.text(), model.latent_channels());
}

Image fitted_to(const LatentShape& shape, const sumi::Model& model, const Image& picture) {
  check_channels(model, shape);
  check(picture.width > 0 && picture.height > 0, ErrorCode::usage, "a picture of {} x {} pixels: nothing to encode",
        picture.width, picture.height);
  const std::int64_t reduction = model.vae.reduction();
  return resize(picture, static_cast<int>(shape.width * reduction), static_cast<int>(shape.height * reduction));
}

}  // namespace

Latents Autoencoder::encode(const Image& picture, Noise& noise) const {
  Model::State& state = model_.state();
  const Image fitted = fitted_to(noise.shape(), *state.model, picture);
  Latents latents;
  state.run([&](Context& ctx) {
    const Tensor values = upload_picture(ctx, fitted, -1);
    latents = download_latents(ctx, encode_picture(ctx, *state.model, values, tiling_, noise.state().noise));
  });
  return latents;
}

Latents Autoencoder::encode_mean(const Image& picture, const LatentShape& shape) const {
  Model::State& state = model_.state();
  const Image fitted = fitted_to(shape, *state.model, picture);
  std::vector<float> mean;
  state.run([&](Context& ctx) { mean = state.model->vae.encode(ctx, upload_picture(ctx, fitted, -1), tiling_).mean; });
  LatentShape one = shape;
  one.batch = 1;
  return {one, std::move(mean)};
}

std::vector<Image> Autoencoder::decode(const Latents& latents) const {
  Model::State& state = model_.state();
  check_channels(*state.model, latents.shape());
  Pixels pixels;
  state.run([&](Context& ctx) { pixels = sumi::decode(ctx, *state.model, upload_latents(ctx, latents), tiling_); });
  std::vector<Image> pictures;
  for (std::int64_t i = 0; i < pixels.batch; ++i) pictures.push_back(to_image(pixels, i));
  return pictures;
}

}  // namespace sumi::parts
