#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pipelines/model.h"
#include "schedulers/scheduler.h"
#include "sumi/progress.h"
#include "sumi/request.h"

namespace sumi {

/// A request with every choice made for one model.
struct Job {
  std::string prompt, negative;
  std::int64_t width, height;  ///< pixels
  double guidance, guidance_rescale;
  int clip_skip;
  Rng rng;
  std::vector<std::uint64_t> seeds;  ///< one a picture
  SchedulerConfig scheduler;
  Schedule schedule;
};

/// Error(usage) naming the field that makes no sense or that this model cannot do.
Job settle(const Model& model, const Request& request);

/// What a caller may look at while the pictures are made.
struct Watch {
  /// After each step: its index, its timestep, and the latents (batch, height/8, width/8, channels), float32.
  std::function<void(int step, double timestep, Context& ctx, const Tensor& latents)> step;
  std::function<void(const Progress&)> progress;
  bool previews = false;  ///< `Progress::preview` may be called: the dry run plans its memory
};

/// Values of pictures, (batch, height, width, 3) in 0..1.
struct Pixels {
  std::int64_t batch, height, width;
  std::vector<float> values;
};

/// One of the pictures, rounded to eight bits.
Image to_image(const Pixels& pixels, std::int64_t picture);

/// The way of one picture: prompt, noise, denoising steps, decoding. A dry context gives grey pictures.
Pixels text_to_image(Context& ctx, const Model& model, const Job& job, const Watch& watch = {});

}  // namespace sumi
