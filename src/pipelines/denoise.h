#pragma once

#include <functional>

#include "pipelines/decode.h"
#include "pipelines/job.h"
#include "sumi/progress.h"

namespace sumi {

/// What a caller may look at while the pictures are made.
struct Watch {
  std::function<void(const Progress&)> progress;
  bool previews = false;  ///< `Progress::preview` may be called: the dry run plans its memory
};

/// From noise, or what a job begins with, to latents. A dry context takes the same memory and counts the same work.
/// `from`: latents that another model left, to go on with as they are.
Tensor denoise(Context& ctx, const Model& model, const Job& job, const Watch& watch = {}, const Tensor& from = {});

/// The last part of the way, on another model.
struct Refining {
  const Model& model;
  const Job& job;
};

/// The way of a picture up to its latents: prompt, noise, denoising steps, on both models where there are two.
Tensor make_latents(Context& ctx, const Model& model, const Job& job, const Watch& watch = {},
                    const Refining* refining = nullptr);

/// The whole way of a picture: latents and their decoding. A dry context gives grey pictures.
Pixels make_pictures(Context& ctx, const Model& model, const Job& job, const Watch& watch = {},
                     const Refining* refining = nullptr);

}  // namespace sumi
