#pragma once

#include <memory>
#include <string>

#include "ops/backend.h"
#include "support/fixture.h"

namespace sumi::test {

/// Where a case runs.
struct Device {
  std::string name;  ///< "ref", "cpu"
  DType type;        ///< of activations
};

/// Largest errors of a case, each as a share of what it may be: latents by their largest magnitude, pictures absolute.
struct Errors {
  double latents = 0, image = 0;
};

/// Makes the picture that the case asks for, and compares every step's timestep and latents, and the picture.
Errors run_pipeline_case(const Fixture& fixture, const Device& device);

}  // namespace sumi::test
