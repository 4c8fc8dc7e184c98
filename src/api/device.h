#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ops/backend.h"
#include "pipelines/model.h"
#include "sumi/engine.h"

namespace sumi {

/// A backend with the type that it computes in, as EngineOptions asks.
struct Device {
  std::unique_ptr<Backend> backend;
  DType type;                      ///< of activations
  bool int8 = false;               ///< linears of a denoiser compute in int8
  std::vector<std::string> notes;  ///< what was chosen otherwise than asked

  /// What it computes in, as EngineOptions::dtype says it.
  std::string dtype() const { return int8 ? "int8" : std::string(name_of(type)); }
};

/// Which model an engine works with.
inline ModelChoice choice_of(const EngineOptions& options) {
  return {.name = options.model, .vae = options.vae, .config = options.config, .prediction = options.prediction};
}

/// Error(usage) for names that do not exist, with the nearest that do.
Device make_device(const EngineOptions& options);

}  // namespace sumi
