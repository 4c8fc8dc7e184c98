#include <cmath>

#include "core/rng.h"
#include "pipelines/text_to_image.h"

namespace sumi {
namespace {

constexpr int largest_side = 16384;

void check_range(const char* what, double value, double least, double most) {
  check(std::isfinite(value) && value >= least && value <= most, ErrorCode::usage, "{} {}: expected {} to {}", what,
        value, least, most);
}

std::int64_t side(const char* what, int pixels, std::int64_t reduction) {
  check_range(what, pixels, static_cast<double>(reduction), largest_side);
  check(pixels % reduction == 0, ErrorCode::usage, "{} {}: not divisible by {}; the nearest sizes are {} and {}", what,
        pixels, reduction, pixels / reduction * reduction, (pixels / reduction + 1) * reduction);
  return pixels;
}

}  // namespace

Job settle(const Model& model, const Request& request) {
  const int steps = request.steps.value_or(model.defaults.steps);
  check_range("steps", steps, 1, 1000);
  check_range("batch", request.batch, 1, 256);
  const std::int64_t reduction = model.vae.config().reduction();
  Job job{.prompt = request.prompt,
          .negative = request.negative.value_or(""),
          .width = side("width", request.width.value_or(model.defaults.width), reduction),
          .height = side("height", request.height.value_or(model.defaults.height), reduction),
          .guidance = request.guidance.value_or(model.defaults.guidance),
          .guidance_rescale = request.guidance_rescale,
          .clip_skip = request.clip_skip,
          .rng = request.rng};
  check_range("guidance", job.guidance, 0, 100);
  check_range("guidance rescale", job.guidance_rescale, 0, 1);
  check_range("eta", request.sampling.eta, 0, 1);
  check_range("clip skip", job.clip_skip, 0, static_cast<double>(model.text.config().layers - 1));
  check(model.unet.config().in_channels == model.vae.config().latent_channels, ErrorCode::unsupported,
        "{}: the UNet takes {} channels, so it needs a picture besides the prompt, which text to image does not have",
        model.name, model.unet.config().in_channels);

  const std::uint64_t seed = request.seed ? *request.seed : random_seed();
  for (int i = 0; i < request.batch; ++i) job.seeds.push_back(seed + static_cast<std::uint64_t>(i));
  job.scheduler = resolve(model.scheduler, request.sampling);
  job.schedule = make_schedule(job.scheduler, steps);
  return job;
}

}  // namespace sumi
