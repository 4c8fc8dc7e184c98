#pragma once

#include <stdexcept>
#include <string>

#include "cuda_runtime.h"

namespace cuda_on_host {

/// What work on the device did wrong.
struct Problem : std::runtime_error {
  Problem(cudaError_t status, const std::string& text) : std::runtime_error(text), error(status) {}
  cudaError_t error;
};

}  // namespace cuda_on_host
