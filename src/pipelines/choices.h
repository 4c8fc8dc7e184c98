#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pipelines/denoiser.h"
#include "pipelines/model.h"
#include "schedulers/scheduler.h"
#include "sumi/request.h"

namespace sumi {

// What a caller may ask for, one by one, as one model can do it. Error(usage) naming what makes no sense or what this
// model cannot do.

constexpr int kLargestSide = 16384;  ///< pixels

/// `value` within least..most, NaN never.
void check_range(const char* what, double value, double least, double most);
void check_clip_skip(const Model& model, int clip_skip);

/// A side of what is made, in pixels. `what`: "width" or "height".
std::int64_t settle_side(const char* what, int pixels, std::int64_t reduction);

/// The steps that run: all, or with `strength` those that a run from a picture has.
Schedule settle_schedule(const SchedulerConfig& config, const Sampling& sampling, int steps,
                         std::optional<double> strength = {});

/// Opens the ControlNet of that name, or gives the one that is open.
using FindControlNet = std::function<std::shared_ptr<const ControlNet>(const std::string& name)>;

/// For what is made of that many pixels.
ControlJob settle_control(const Model& model, const Control& control, const FindControlNet& find, std::int64_t width,
                          std::int64_t height);

std::optional<DeepCache> settle_deepcache(const Model& model, const std::string& asked);
/// For latents of that size.
TokenMerging settle_tome(const Tome& asked, std::int64_t latent_height, std::int64_t latent_width);

}  // namespace sumi
