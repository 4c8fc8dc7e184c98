#pragma once

#include <cstdlib>
#include <filesystem>

#include "backend/cuda/cuda.h"

namespace sumi::test {

/// Whether there is an NVIDIA GPU. What is tuned on it goes below the temporary folder, not among the user's files.
inline bool has_gpu() {
  static const bool found = [] {
    setenv("XDG_CACHE_HOME", (std::filesystem::temp_directory_path() / "sumi-tests-cache").c_str(), 1);
    return cuda_devices() > 0;
  }();
  return found;
}

}  // namespace sumi::test
