#include "pipelines/choices.h"

#include <algorithm>
#include <cmath>

#include "image/mask.h"
#include "image/resize.h"

namespace sumi {
namespace {

void check_sampling(const Sampling& sampling) {
  check_range("eta", sampling.eta, 0, 1);
  check_range("start of the steps", sampling.from, 0, 1);
  check_range("end of the steps", sampling.to, 0, 1);
  check(sampling.from < sampling.to, ErrorCode::usage, "steps from {} to {}: nothing lies between", sampling.from,
        sampling.to);
}

}  // namespace

void check_range(const char* what, double value, double least, double most) {
  check(std::isfinite(value) && value >= least && value <= most, ErrorCode::usage, "{} {}: expected {} to {}", what,
        value, least, most);
}

std::int64_t settle_side(const char* what, int pixels, std::int64_t reduction) {
  check_range(what, pixels, static_cast<double>(reduction), kLargestSide);
  check(pixels % reduction == 0, ErrorCode::usage, "{} {}: not divisible by {}; the nearest sizes are {} and {}", what,
        pixels, reduction, pixels / reduction * reduction, (pixels / reduction + 1) * reduction);
  return pixels;
}

void check_clip_skip(const Model& model, int clip_skip) {
  for (const TextEncoder& encoder : model.texts) {
    const auto most = encoder.text.config().layers - (model.pooled() ? 2 : 1);
    check_range("clip skip", clip_skip, 0, static_cast<double>(most));
  }
}

Schedule settle_schedule(const SchedulerConfig& config, const Sampling& sampling, int steps,
                         std::optional<double> strength) {
  check_range("steps", steps, 1, 1000);
  check_sampling(sampling);
  if (strength) check_range("strength", *strength, 0, 1);
  // Whether a step lies in the part of the way that is left from `share` of it on.
  const auto beyond = [&](double share) {
    return [cutoff = std::nearbyint(config.train_steps * (1 - share))](const Step& step) {
      return !step.inner && step.timestep < cutoff;
    };
  };
  int begin = 0;
  if (sampling.from > 0) {
    const std::vector<Step> whole = make_schedule(config, steps).steps;
    const auto first = std::find_if(whole.begin(), whole.end(), beyond(sampling.from));
    begin = static_cast<int>(std::count_if(whole.begin(), first, [](const Step& step) { return !step.inner; }));
    check(begin < steps, ErrorCode::usage, "steps from {}: none of {} steps lies there; take more steps", sampling.from,
          steps);
  } else if (strength) {
    begin = steps - std::min(static_cast<int>(steps * *strength), steps);
    check(begin < steps, ErrorCode::usage, "strength {}: none of {} steps runs; take more of either", *strength, steps);
  }
  Schedule schedule = make_schedule(config, {steps, begin});
  if (sampling.to < 1) {
    const auto end = std::find_if(schedule.steps.begin(), schedule.steps.end(), beyond(sampling.to));
    schedule.steps.erase(end, schedule.steps.end());
    check(!schedule.steps.empty(), ErrorCode::usage, "steps up to {}: none of {} steps lies there; take more steps",
          sampling.to, steps);
  }
  return schedule;
}

ControlJob settle_control(const Model& model, const Control& control, const FindControlNet& find, std::int64_t width,
                          std::int64_t height) {
  check_range("control weight", control.weight, 0, 10);
  check_range("control start", control.start, 0, 1);
  check_range("control end", control.end, 0, 1);
  check(static_cast<bool>(find), ErrorCode::internal, "no way to open ControlNets");
  auto net = find(control.model);
  net->config().check_fits(model.unet.config(), control.model);
  const bool edges = control.annotator == "canny";
  check(edges || control.annotator.empty() || control.annotator == "none", ErrorCode::usage,
        "annotator '{}' is not known; there are canny and none", control.annotator);
  Image picture = resize(control.picture, static_cast<int>(width), static_cast<int>(height));
  if (edges) picture = to_image(canny(picture));
  return {std::move(net), std::move(picture), control.weight, control.start, control.end};
}

std::optional<DeepCache> settle_deepcache(const Model& model, const std::string& asked) {
  if (asked.empty()) return std::nullopt;
  const DeepCache deepcache = DeepCache::parse(asked);
  deepcache.layers(model.unet.config());  // refuses a branch that there is not
  return deepcache;
}

TokenMerging settle_tome(const Tome& asked, std::int64_t latent_height, std::int64_t latent_width) {
  const TokenMerging tome{.ratio = asked.ratio,
                          .max_downsample = asked.max_downsample,
                          .random = !asked.fixed,
                          .sites = {.cross_attention = asked.cross_attention, .feed_forward = asked.feed_forward}};
  tome.merger(latent_height, latent_width);  // refuses what makes no sense
  return tome;
}

}  // namespace sumi
