#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ops/backend.h"
#include "sumi/engine.h"

namespace sumi {

/// A backend with the type that it computes in, as EngineOptions asks.
struct Device {
  std::unique_ptr<Backend> backend;
  DType type;
  std::vector<std::string> notes;  ///< what was chosen otherwise than asked
};

/// Error(usage) for names that do not exist, with the nearest that do.
Device make_device(const EngineOptions& options);

}  // namespace sumi
