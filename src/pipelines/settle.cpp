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

struct Side {
  const char* what;
  std::optional<int> Request::*asked;
  int Image::*of_picture;
  int usual;
};

/// Of what is made: as asked for; else as large as the picture that it is made of, less the rest that latents do not
/// cover; else as the model was trained.
std::int64_t settle_side(const Request& request, const Side& side, std::int64_t reduction) {
  const std::optional<int>& asked = request.*side.asked;
  if (!asked && request.start && !request.start->picture.rgb.empty()) {
    const int pixels = request.start->picture.*side.of_picture;
    check(pixels <= kLargestSide, ErrorCode::unsupported,
          "{} {} of the picture: more than {}; give the size to make it in (-W and -H)", side.what, pixels,
          kLargestSide);
    return std::max<std::int64_t>(reduction, pixels / reduction * reduction);
  }
  const int pixels = asked.value_or(side.usual);
  check_range(side.what, pixels, static_cast<double>(reduction), kLargestSide);
  check(pixels % reduction == 0, ErrorCode::usage, "{} {}: not divisible by {}; the nearest sizes are {} and {}",
        side.what, pixels, reduction, pixels / reduction * reduction, (pixels / reduction + 1) * reduction);
  return pixels;
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
  const bool pictured = request.start && !request.start->picture.rgb.empty();
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

Schedule settle_schedule(const SchedulerConfig& config, const Request& request, int steps, bool from_picture) {
  // Whether a step lies in the part of the way that is left from `share` of it on.
  const auto beyond = [&](double share) {
    return [cutoff = std::nearbyint(config.train_steps * (1 - share))](const Step& step) {
      return !step.inner && step.timestep < cutoff;
    };
  };
  int begin = 0;
  if (request.sampling.from > 0) {
    const std::vector<Step> whole = make_schedule(config, steps).steps;
    const auto first = std::find_if(whole.begin(), whole.end(), beyond(request.sampling.from));
    begin = static_cast<int>(std::count_if(whole.begin(), first, [](const Step& step) { return !step.inner; }));
    check(begin < steps, ErrorCode::usage, "steps from {}: none of {} steps lies there; take more steps",
          request.sampling.from, steps);
  } else if (from_picture) {
    begin = steps - std::min(static_cast<int>(steps * request.start->strength), steps);
    check(begin < steps, ErrorCode::usage, "strength {}: none of {} steps runs; take more of either",
          request.start->strength, steps);
  }
  Schedule schedule = make_schedule(config, {steps, begin});
  if (request.sampling.to < 1) {
    const auto end = std::find_if(schedule.steps.begin(), schedule.steps.end(), beyond(request.sampling.to));
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

void settle_start(const Model& model, const Request& request, Job& job) {
  if (!request.start) return;
  const Start& start = *request.start;
  const std::int64_t reduction = model.vae.reduction();
  const auto values = static_cast<std::size_t>(job.height / reduction * (job.width / reduction));
  const auto wanted = values * static_cast<std::size_t>(model.latent_channels());
  check(start.latents.empty() || start.latents.size() == wanted, ErrorCode::usage,
        "latents to begin with: {} values, expected {}", start.latents.size(), wanted);
  job.latents = start.latents;
  if (!start.picture.rgb.empty()) job.picture = fitted(start.picture, job);
  if (request.mask) job.mask = binarized(blurred(brightness(fitted(request.mask->picture, job)), request.mask->blur));
  job.from_noise = (model.changes_pictures() && job.latents.empty()) || (job.mask && start.strength == 1);
}

void settle_controls(const Model& model, const Request& request, const FindControlNet& find, Job& job) {
  for (const Control& control : request.controls) {
    check(static_cast<bool>(find), ErrorCode::internal, "no way to open ControlNets");
    auto net = find(control.model);
    net->config().check_fits(model.unet.config(), control.model);
    const bool edges = control.annotator == "canny";
    check(edges || control.annotator.empty() || control.annotator == "none", ErrorCode::usage,
          "annotator '{}' is not known; there are canny and none", control.annotator);
    Image picture = fitted(control.picture, job);
    if (edges) picture = to_image(canny(picture));
    job.controls.push_back({std::move(net), std::move(picture), control.weight, control.start, control.end});
  }
  job.guess_mode = request.guess_mode;
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
  check_range("steps", steps, 1, 1000);
  check_values(model, request);
  check_pictures(model, request);
  const std::int64_t reduction = model.vae.reduction();
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
          .width = settle_side(request, {"width", &Request::width, &Image::width, defaults.width}, reduction),
          .height = settle_side(request, {"height", &Request::height, &Image::height, defaults.height}, reduction),
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
  const bool from_picture = (job.picture && !model.changes_pictures()) || !job.latents.empty();
  job.schedule = settle_schedule(job.scheduler, request, steps, from_picture);
  return job;
}

}  // namespace sumi
