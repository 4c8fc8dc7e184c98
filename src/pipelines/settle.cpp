#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "image/area.h"
#include "image/mask.h"
#include "pipelines/job.h"
#include "pipelines/prompt.h"

namespace sumi {
namespace {

bool with_picture(const Request& request) { return request.start && !request.start->picture.rgb.empty(); }

/// What is made of a picture is as large as it, less the rest that latents do not cover.
int default_side(const Request& request, const char* what, int Image::*side, int otherwise, std::int64_t reduction) {
  if (!with_picture(request)) return otherwise;
  const int pixels = request.start->picture.*side, step = static_cast<int>(reduction);
  check(pixels <= kLargestSide, ErrorCode::unsupported,
        "{} {} of the picture: more than {}; give the size to make it in (-W and -H)", what, pixels, kLargestSide);
  return std::max(step, pixels / step * step);
}

void check_values(const Model& model, const Request& request) {
  check_range("batch", request.batch, 1, 256);
  check_range("guidance rescale", request.guidance_rescale, 0, 1);
  check_range("image guidance", request.image_guidance, 0, 100);
  if (request.mask) check_range("mask blur", request.mask->blur, 0, 1000);
  if (request.mask && request.mask->only_masked) check_range("padding", *request.mask->only_masked, 0, kLargestSide);
  if (request.variation) check_range("variation strength", request.variation->strength, 0, 1);
  check_range("aesthetic score", request.micro.aesthetic, 0, 10);
  check_range("negative aesthetic score", request.micro.negative_aesthetic, 0, 10);
  check_clip_skip(model, request.clip_skip);
}

/// What the model's extra channels need, and nothing that it has no use for.
void check_pictures(const Model& model, const Request& request) {
  const bool pictured = with_picture(request);
  check(!request.mask || pictured, ErrorCode::usage, "a mask needs the picture that it is a part of (--init)");
  check(!request.start || pictured || !request.start->latents.empty(), ErrorCode::usage,
        "the picture to begin with has no pixels");
  if (model.paints_masked()) {
    check(pictured && request.mask, ErrorCode::usage,
          "{}: this model paints the masked part of a picture; give both (--init and --mask)", model.name);
  } else if (model.changes_pictures()) {
    check(pictured, ErrorCode::usage, "{}: this model changes a picture; give one (--init)", model.name);
    check(!request.mask, ErrorCode::usage, "{}: this model changes whole pictures and takes no mask", model.name);
  }
}

Image fitted(const Image& picture, const Job& job) {
  return resize(picture, static_cast<int>(job.width), static_cast<int>(job.height));
}

void settle_start(const Model& model, const Request& request, Job& job) {
  if (!request.start) return;
  const Start& start = *request.start;
  const std::int64_t reduction = model.vae.reduction();
  const auto values = static_cast<std::size_t>(job.height / reduction * (job.width / reduction));
  const auto wanted = values * static_cast<std::size_t>(model.latent_channels());
  check(start.latents.empty() || start.latents.size() == wanted, ErrorCode::usage,
        "latents to begin with: {} values, expected {}", start.latents.size(), wanted);
  job.latents = start.latents;
  if (with_picture(request)) job.picture = fitted(start.picture, job);
  if (request.mask) job.mask = binarized(blurred(brightness(fitted(request.mask->picture, job)), request.mask->blur));
  job.from_noise = (model.changes_pictures() && job.latents.empty()) || (job.mask && start.strength == 1);
}

/// A sampler that leaps, chosen for a model that was not made for it, goes with an adapter that was: LCM-LoRA.
Defaults defaults_for(const Model& model, const SchedulerConfig& scheduler) {
  const bool adapted = leaps(scheduler.sampler) && !takes_few_steps(model.scheduler);
  return adapted && model.unet.config().guidance_channels == 0 ? model.defaults.distilled() : model.defaults;
}

}  // namespace

Job settle(const Model& model, const Request& request, const FindControlNet& find) {
  const SchedulerConfig scheduler = resolve(model.scheduler, request.sampling);
  const Defaults defaults = defaults_for(model, scheduler);
  const int steps = request.steps.value_or(defaults.steps);
  check_values(model, request);
  check_pictures(model, request);
  const std::int64_t reduction = model.vae.reduction();
  const int width =
      request.width ? *request.width : default_side(request, "width", &Image::width, defaults.width, reduction);
  const int height =
      request.height ? *request.height : default_side(request, "height", &Image::height, defaults.height, reduction);
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
          .width = settle_side("width", width, reduction),
          .height = settle_side("height", height, reduction),
          .guidance = request.guidance.value_or(defaults.guidance),
          .guidance_rescale = request.guidance_rescale,
          .image_guidance = request.image_guidance,
          .clip_skip = request.clip_skip,
          .rng = request.rng,
          .variation = request.variation,
          .steps = steps,
          .scheduler = scheduler};
  check_range("guidance", job.guidance, 0, 100);
  const std::uint64_t seed = request.seed ? *request.seed : random_seed();
  for (int i = 0; i < request.batch; ++i) job.seeds.push_back(seed + static_cast<std::uint64_t>(i));

  settle_start(model, request, job);
  for (const Control& control : request.controls) {
    job.aids.controls.push_back(settle_control(model, control, find, job.width, job.height));
  }
  job.aids.guess_mode = request.guess_mode;
  job.aids.deepcache = settle_deepcache(model, request.shortcuts.deepcache);
  if (request.shortcuts.tome) {
    job.aids.tome = settle_tome(*request.shortcuts.tome, job.height / reduction, job.width / reduction);
  }
  job.vae_tiling = request.shortcuts.vae_tiling;
  job.sizes = size_numbers(model, job.width, job.height, request.micro, request.micro.aesthetic);
  job.negative_sizes = size_numbers(model, job.width, job.height, request.micro, request.micro.negative_aesthetic);
  const bool begins_later = request.start && (!model.changes_pictures() || !job.latents.empty());
  job.schedule = settle_schedule(job.scheduler, request.sampling, steps,
                                 begins_later ? std::optional(request.start->strength) : std::nullopt);
  return job;
}

}  // namespace sumi
