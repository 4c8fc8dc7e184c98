#include "api/upscale.h"

#include <algorithm>
#include <filesystem>

#include "core/paths.h"
#include "image/resize.h"
#include "models/upscaler.h"
#include "pipelines/choices.h"
#include "pipelines/decode.h"

namespace sumi {
namespace {

constexpr const char *kInterpolation = "lanczos", *kLatents = "latent";
/// Tiles of 256 pixels hold the memory of the network below a gigabyte, whatever the picture.
constexpr Upscaler::Tiling kTiling{.side = 256};

Image upscaled(Session& session, const Image& picture, const std::string& file) {
  const CheckpointPtr checkpoint = open_checkpoint(file);
  const Loader loader(checkpoint, upscaler_names(*checkpoint));
  const Upscaler upscaler(UpscalerConfig::infer(*checkpoint), loader);
  loader.finish();

  std::vector<float> values;
  for (const std::uint8_t level : picture.rgb) values.push_back(static_cast<float>(level) / 255);
  const std::int64_t scale = upscaler.config().scale();
  Pixels pixels{1, scale * picture.height, scale * picture.width, {}};
  const auto body = [&](Context& ctx) {
    pixels.values = upscaler(ctx, values, picture.height, picture.width, kTiling);
  };
  session.run(body);
  for (float& value : pixels.values) value = std::clamp(value, 0.0f, 1.0f);
  return to_image(pixels, 0);
}

}  // namespace

void check_hires(const Hires& hires) {
  check_range("hires scale", hires.scale, 1, 8);
  check_range("hires strength", hires.strength, 0, 1);
  check(enlarges_latents(hires) || hires.upscaler == kInterpolation || is_file(hires.upscaler), ErrorCode::not_found,
        "hires upscaler '{}': expected {}, {}, {} or the file of an ESRGAN network", hires.upscaler, kInterpolation,
        kLatents, kNearestLatents);
}

bool enlarges_latents(const Hires& hires) { return hires.upscaler == kLatents || hires.upscaler == kNearestLatents; }

Image enlarged(Session& session, const Image& picture, const std::string& upscaler, int width, int height) {
  return resize(upscaler == kInterpolation ? picture : upscaled(session, picture, upscaler), width, height);
}

}  // namespace sumi
