#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/process.h"
#include "ops/backend.h"
#include "pipelines/model.h"
#include "sumi/engine.h"

namespace sumi {

/// A backend with the type that it computes in, as EngineOptions asks.
struct Device {
  std::unique_ptr<Backend> backend;
  DType type;                          ///< of activations
  Rounding rounding = Rounding::none;  ///< of the linears of a denoiser
  bool tf32 = false;                   ///< products of float32 round their factors to tf32
  std::vector<std::string> notes;      ///< what was chosen otherwise than asked

  /// Highest use of memory: the device's own where it has some, else the process's.
  std::size_t peak_bytes(PeakMonitor& process) const {
    const std::size_t own = backend->device_bytes();
    return own > 0 ? own : process.peak();
  }
  /// What it computes in, as EngineOptions::dtype says it.
  std::string dtype() const {
    return std::string(rounding != Rounding::none ? name_of(rounding) : tf32 ? "tf32" : name_of(type));
  }
};

/// Which model an engine works with.
inline ModelChoice choice_of(const EngineOptions& options) {
  return {.name = options.model, .vae = options.vae, .config = options.config, .prediction = options.prediction};
}

/// Error(usage) for names that do not exist, with the nearest that do.
Device make_device(const EngineOptions& options);

}  // namespace sumi
