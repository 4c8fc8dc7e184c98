#include "pipelines/decode.h"

#include <algorithm>
#include <bit>

namespace sumi {
namespace {

/// 0..1 as 0..255, rounded to the nearest, ties to even. Next to 1.5 * 2^23 floats are whole numbers, so that the sum
/// rounds: without a call, sixteen pixels of which the compiler then makes at once.
std::uint8_t level_of(float value) {
  return static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(value * 255 + 0x1.8p23f));
}

}  // namespace

Pixels decode(Context& ctx, const Model& model, const Tensor& latents, bool tiled) {
  const std::int64_t reduction = model.vae.reduction();
  Pixels pixels{latents.size(0), latents.size(1) * reduction, latents.size(2) * reduction, {}};
  for (std::int64_t i = 0; i < pixels.batch; ++i) {
    std::vector<float> values = model.vae.decode(ctx, latents.slice(i, i + 1), tiled);
    for (float& value : values) value = std::clamp(value / 2 + 0.5f, 0.0f, 1.0f);
    pixels.values.insert(pixels.values.end(), values.begin(), values.end());
  }
  return pixels;
}

Image to_image(const Pixels& pixels, std::int64_t picture) {
  Image image{.width = static_cast<int>(pixels.width), .height = static_cast<int>(pixels.height)};
  const auto size = static_cast<std::size_t>(pixels.width * pixels.height * 3);
  image.rgb.resize(size);
  std::ranges::transform(std::span(pixels.values).subspan(static_cast<std::size_t>(picture) * size, size),
                         image.rgb.begin(), level_of);
  return image;
}

Tensor upload_picture(Context& ctx, const Image& picture, double least) {
  std::vector<float> values;
  values.reserve(picture.rgb.size());
  for (const std::uint8_t level : picture.rgb) values.push_back(static_cast<float>(least + (1 - least) * level / 255));
  return ctx.upload(values, {1, picture.height, picture.width, 3});
}

}  // namespace sumi
