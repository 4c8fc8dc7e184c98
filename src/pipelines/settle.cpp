#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "image/area.h"
#include "image/mask.h"
#include "pipelines/job.h"
#include "pipelines/prompt.h"

namespace sumi {
namespace {

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
  if (request.mask) check_range("mask blur", request.mask->blur, 0, 1000);
  if (request.mask && request.mask->only_masked) check_range("padding", *request.mask->only_masked, 0, kLargestSide);
  if (request.variation) check_range("variation strength", request.variation->strength, 0, 1);
  check_range("aesthetic score", request.micro.aesthetic, 0, 10);
  check_range("negative aesthetic score", request.micro.negative_aesthetic, 0, 10);
  check_clip_skip(model, request.clip_skip);
}

/// What the model's extra channels need, and nothing that it has no use for.
void check_pictures(const Model& model, const Request& request) {
  check(!request.mask || request.start, ErrorCode::usage, "a mask needs the picture that it is a part of (--init)");
  if (model.paints_masked()) {
    check(request.start && request.mask, ErrorCode::usage,
          "{}: this model paints the masked part of a picture; give both (--init and --mask)", model.name);
  } else if (model.changes_pictures()) {
    check(request.start.has_value(), ErrorCode::usage, "{}: this model changes a picture; give one (--init)",
          model.name);
    check(!request.mask, ErrorCode::usage, "{}: this model changes whole pictures and takes no mask", model.name);
  }
}

Image fitted(const Image& picture, const Job& job) {
  return resize(picture, static_cast<int>(job.width), static_cast<int>(job.height));
}

void settle_pictures(const Model& model, const Request& request, Job& job) {
  if (!request.start) return;
  job.picture = fitted(request.start->picture, job);
  if (request.mask) job.mask = binarized(blurred(brightness(fitted(request.mask->picture, job)), request.mask->blur));
  job.from_noise = model.changes_pictures() || (job.mask && request.start->strength == 1);
}

}  // namespace

Job settle(const Model& model, const Request& request, const FindControlNet& find) {
  const int steps = request.steps.value_or(model.defaults.steps);
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
          .width = settle_side("width", request.width.value_or(width), reduction),
          .height = settle_side("height", request.height.value_or(height), reduction),
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
  job.scheduler = resolve(model.scheduler, request.sampling);
  const bool begins_later = request.start && !model.changes_pictures();
  job.schedule = settle_schedule(job.scheduler, request.sampling, steps,
                                 begins_later ? std::optional(request.start->strength) : std::nullopt);
  return job;
}

}  // namespace sumi
