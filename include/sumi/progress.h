#pragma once

#include <functional>

#include "sumi/image.h"

namespace sumi {

/// Where a run is. Called on the thread that called `Engine::generate`, never from inside a parallel region.
struct Progress {
  enum class Phase { load, text, denoise, decode };
  Phase phase;
  int step = 0, steps = 0;      ///< of the phase; `denoise` counts the sampler's model calls
  double seconds = 0;           ///< since the phase began
  double steps_per_second = 0;  ///< over the phase so far, 0 before its first step ends
  /// Decodes the present estimate of the finished picture (the first of a batch). Costs as much as a decode.
  /// Empty unless `Hooks::previews` is set, and outside of `denoise`.
  std::function<Image()> preview;
};

using OnProgress = std::function<void(const Progress&)>;

}  // namespace sumi
