#include "pipelines/decode.h"

#include <algorithm>
#include <cmath>

namespace sumi {

Pixels decode(Context& ctx, const Model& model, const Tensor& latents, bool tiled) {
  const std::int64_t reduction = model.vae.reduction();
  Pixels pixels{latents.size(0), latents.size(1) * reduction, latents.size(2) * reduction, {}};
  for (std::int64_t i = 0; i < pixels.batch; ++i) {
    for (const float value : model.vae.decode(ctx, latents.slice(i, i + 1), tiled)) {
      pixels.values.push_back(std::clamp(value / 2 + 0.5f, 0.0f, 1.0f));
    }
  }
  return pixels;
}

Image to_image(const Pixels& pixels, std::int64_t picture) {
  Image image{.width = static_cast<int>(pixels.width), .height = static_cast<int>(pixels.height)};
  const auto size = static_cast<std::size_t>(pixels.width * pixels.height * 3);
  for (const float value : std::span(pixels.values).subspan(static_cast<std::size_t>(picture) * size, size)) {
    image.rgb.push_back(static_cast<std::uint8_t>(std::nearbyint(value * 255)));
  }
  return image;
}

Tensor upload_picture(Context& ctx, const Image& picture, double least) {
  std::vector<float> values;
  values.reserve(picture.rgb.size());
  for (const std::uint8_t level : picture.rgb) values.push_back(static_cast<float>(least + (1 - least) * level / 255));
  return ctx.upload(values, {1, picture.height, picture.width, 3});
}

}  // namespace sumi
