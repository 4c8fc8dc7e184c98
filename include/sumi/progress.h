#pragma once

#include <functional>

#include "sumi/image.h"
#include "sumi/latents.h"

namespace sumi {

/// Where a run is. Called on the thread that called `Engine::generate`, never from inside a parallel region. Its
/// functions are good for the time of that call. An exception that leaves the callback ends the run and leaves
/// `generate`; the next run works.
struct Progress {
  enum class Phase { load, text, denoise, decode };
  Phase phase;
  int step = 0, steps = 0;      ///< of the phase; `denoise` counts the sampler's model calls
  double seconds = 0;           ///< since the phase began
  double steps_per_second = 0;  ///< over the phase so far, 0 before its first step ends
  /// Decodes the present estimate of the finished picture (the first of a batch). Costs as much as a decode.
  /// Empty unless `Hooks::previews` is set, outside of `denoise` and before its first step.
  std::function<Image()> preview;

  // Of `denoise` alone: once before its first step, and after each.
  double timestep = 0;  ///< what the model was told in the step that ended, of the training's, 0 before the first
  /// A copy of what the next step begins with, or what is decoded: (batch, height / 8, width / 8, channels).
  std::function<Latents()> latents;
  /// Goes on with these instead. Error(usage) for another shape.
  std::function<void(const Latents&)> replace;
};

using OnProgress = std::function<void(const Progress&)>;

}  // namespace sumi
