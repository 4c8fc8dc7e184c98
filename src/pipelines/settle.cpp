#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "image/area.h"
#include "image/mask.h"
#include "pipelines/job.h"

namespace sumi {
namespace {

constexpr int kLargestSide = 16384;

void check_range(const char* what, double value, double least, double most) {
  check(std::isfinite(value) && value >= least && value <= most, ErrorCode::usage, "{} {}: expected {} to {}", what,
        value, least, most);
}

std::int64_t side(const char* what, int pixels, std::int64_t reduction) {
  check_range(what, pixels, static_cast<double>(reduction), kLargestSide);
  check(pixels % reduction == 0, ErrorCode::usage, "{} {}: not divisible by {}; the nearest sizes are {} and {}", what,
        pixels, reduction, pixels / reduction * reduction, (pixels / reduction + 1) * reduction);
  return pixels;
}

/// What is made of a picture is as large as it, less the rest that latents do not cover.
int default_side(const Request& request, int Image::*side, int otherwise, std::int64_t reduction) {
  if (!request.start) return otherwise;
  const auto step = static_cast<int>(reduction);
  return std::max(step, request.start->picture.*side / step * step);
}

void check_values(const Model& model, const Request& request) {
  check_range("batch", request.batch, 1, 256);
  check_range("guidance rescale", request.guidance_rescale, 0, 1);
  check_range("image guidance", request.image_guidance, 0, 100);
  check_range("eta", request.sampling.eta, 0, 1);
  check_range("start of the steps", request.sampling.from, 0, 1);
  check_range("end of the steps", request.sampling.to, 0, 1);
  check(request.sampling.from < request.sampling.to, ErrorCode::usage, "steps from {} to {}: nothing lies between",
        request.sampling.from, request.sampling.to);
  if (request.start) check_range("strength", request.start->strength, 0, 1);
  if (request.mask) check_range("mask blur", request.mask->blur, 0, 1000);
  if (request.mask && request.mask->only_masked) check_range("padding", *request.mask->only_masked, 0, kLargestSide);
  if (request.variation) check_range("variation strength", request.variation->strength, 0, 1);
  check_range("aesthetic score", request.micro.aesthetic, 0, 10);
  check_range("negative aesthetic score", request.micro.negative_aesthetic, 0, 10);
  for (const Control& control : request.controls) {
    check_range("control weight", control.weight, 0, 10);
    check_range("control start", control.start, 0, 1);
    check_range("control end", control.end, 0, 1);
  }
  for (const TextEncoder& encoder : model.texts) {
    const auto most = encoder.text.config().layers - (model.pooled() ? 2 : 1);
    check_range("clip skip", request.clip_skip, 0, static_cast<double>(most));
  }
}

/// What the model's extra channels need, and nothing that it has no use for.
void check_pictures(const Model& model, const Request& request) {
  check(!request.mask || request.start, ErrorCode::usage, "a mask needs the picture that it is a part of (--init)");
  const std::int64_t extra = model.extra_channels();
  if (extra == 0) return;
  const bool inpainting = extra > model.latent_channels();
  check(request.start && (!inpainting || request.mask), ErrorCode::usage, "{}: this model {}", model.name,
        inpainting ? "paints the masked part of a picture; give both (--init and --mask)"
                   : "changes a picture; give one (--init)");
  check(inpainting || !request.mask, ErrorCode::usage, "{}: this model changes whole pictures and takes no mask",
        model.name);
}

/// How many steps go before the first whose timestep lies below `from` of the way.
int steps_before(const SchedulerConfig& config, const Schedule& schedule, double from) {
  const double cutoff = std::nearbyint(config.train_steps * (1 - from));
  return static_cast<int>(std::count_if(schedule.steps.begin(), schedule.steps.end(),
                                        [&](const Step& step) { return !step.inner && step.timestep >= cutoff; }));
}

Schedule settle_schedule(const SchedulerConfig& config, const Request& request, int steps, bool with_picture) {
  Schedule whole = make_schedule(config, steps);
  int begin = 0;
  if (request.sampling.from > 0) {
    begin = steps_before(config, whole, request.sampling.from);
    check(begin < steps, ErrorCode::usage, "steps from {}: none of {} steps lies there; take more steps",
          request.sampling.from, steps);
  } else if (with_picture) {
    begin = steps - std::min(static_cast<int>(steps * request.start->strength), steps);
    check(begin < steps, ErrorCode::usage, "strength {}: none of {} steps runs; take more of either",
          request.start->strength, steps);
  }
  Schedule schedule = begin > 0 ? make_schedule(config, {steps, begin}) : std::move(whole);
  if (request.sampling.to < 1) {
    const double cutoff = std::nearbyint(config.train_steps * (1 - request.sampling.to));
    const auto end = std::find_if(schedule.steps.begin(), schedule.steps.end(),
                                  [&](const Step& step) { return !step.inner && step.timestep < cutoff; });
    schedule.steps.erase(end, schedule.steps.end());
    check(!schedule.steps.empty(), ErrorCode::usage, "steps up to {}: none of {} steps lies there; take more steps",
          request.sampling.to, steps);
  }
  return schedule;
}

std::vector<float> sizes_of(const Model& model, const Job& job, const Micro& micro, double aesthetic) {
  if (!model.pooled()) return {};
  const auto made = std::pair(static_cast<int>(job.width), static_cast<int>(job.height));
  const auto original = micro.original.value_or(made), target = micro.target.value_or(made);
  std::vector<float> sizes{static_cast<float>(original.second), static_cast<float>(original.first),
                           static_cast<float>(micro.crop_y), static_cast<float>(micro.crop_x)};
  if (model.size_numbers() == 5) {
    sizes.push_back(static_cast<float>(aesthetic));
  } else {
    sizes.push_back(static_cast<float>(target.second));
    sizes.push_back(static_cast<float>(target.first));
  }
  return sizes;
}

Image fitted(const Image& picture, const Job& job) {
  return resize(picture, static_cast<int>(job.width), static_cast<int>(job.height));
}

void settle_pictures(const Model& model, const Request& request, Job& job) {
  if (!request.start) return;
  job.picture = fitted(request.start->picture, job);
  if (request.mask) job.mask = binarized(blurred(brightness(fitted(request.mask->picture, job)), request.mask->blur));
  const bool changes_whole = model.extra_channels() == model.latent_channels();
  job.from_noise = changes_whole || (job.mask && request.start->strength == 1);
}

void settle_controls(const Model& model, const Request& request, const FindControlNet& find, Job& job) {
  for (const Control& control : request.controls) {
    check(static_cast<bool>(find), ErrorCode::internal, "no way to open ControlNets");
    auto net = find(control.model);
    net->config().check_fits(model.unet.config());
    const bool edges = control.annotator == "canny";
    check(edges || control.annotator.empty() || control.annotator == "none", ErrorCode::usage,
          "annotator '{}' is not known; there are canny and none", control.annotator);
    Image picture = fitted(control.picture, job);
    if (edges) picture = to_image(canny(picture));
    job.controls.push_back({std::move(net), std::move(picture), control.weight, control.start, control.end});
  }
  job.guess_mode = request.guess_mode;
}

}  // namespace

Job settle(const Model& model, const Request& request, const FindControlNet& find) {
  const int steps = request.steps.value_or(model.defaults.steps);
  check_range("steps", steps, 1, 1000);
  check_values(model, request);
  check_pictures(model, request);
  const std::int64_t reduction = model.vae.reduction();
  const int width = default_side(request, &Image::width, model.defaults.width, reduction);
  const int height = default_side(request, &Image::height, model.defaults.height, reduction);
  const auto pictures = static_cast<std::size_t>(request.batch);
  check(request.prompts.empty() || request.prompts.size() == pictures, ErrorCode::usage, "{} prompts for a batch of {}",
        request.prompts.size(), request.batch);
  const std::vector<std::string> prompts =
      request.prompts.empty() ? std::vector(pictures, request.prompt) : request.prompts;
  Job job{.prompts = prompts,
          .prompts_2 = request.prompt_2 ? std::vector(pictures, *request.prompt_2) : prompts,
          .negative = request.negative.value_or(""),
          .negative_2 = request.negative_2.value_or(request.negative.value_or("")),
          .negative_given = request.negative.has_value(),
          .syntax = request.syntax,
          .width = side("width", request.width.value_or(width), reduction),
          .height = side("height", request.height.value_or(height), reduction),
          .guidance = request.guidance.value_or(model.defaults.guidance),
          .guidance_rescale = request.guidance_rescale,
          .image_guidance = request.image_guidance,
          .clip_skip = request.clip_skip,
          .rng = request.rng,
          .variation = request.variation};
  check_range("guidance", job.guidance, 0, 100);
  const std::uint64_t seed = request.seed ? *request.seed : random_seed();
  for (int i = 0; i < request.batch; ++i) job.seeds.push_back(seed + static_cast<std::uint64_t>(i));

  settle_pictures(model, request, job);
  settle_controls(model, request, find, job);
  if (const auto& tome = request.shortcuts.tome) {
    job.tome = TokenMerging{.ratio = tome->ratio,
                            .max_downsample = tome->max_downsample,
                            .random = !tome->fixed,
                            .sites = {.cross_attention = tome->cross_attention, .feed_forward = tome->feed_forward}};
    job.tome->merger(job.height / reduction, job.width / reduction);  // refuses what makes no sense
  }
  job.vae_tiling = request.shortcuts.vae_tiling;
  job.sizes = sizes_of(model, job, request.micro, request.micro.aesthetic);
  job.negative_sizes = sizes_of(model, job, request.micro, request.micro.negative_aesthetic);
  if (!request.shortcuts.deepcache.empty()) {
    job.deepcache = DeepCache::parse(request.shortcuts.deepcache);
    job.deepcache->layers(model.unet.config());  // refuses a branch that there is not
  }
  job.scheduler = resolve(model.scheduler, request.sampling);
  const bool with_picture = job.picture && model.extra_channels() != model.latent_channels();
  job.schedule = settle_schedule(job.scheduler, request, steps, with_picture);
  return job;
}

}  // namespace sumi
