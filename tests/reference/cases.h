#pragma once

#include <string>

#include "core/dtype.h"
#include "ops/backend.h"
#include "sumi/request.h"
#include "support/fixture.h"

namespace sumi::test {

/// Where a case runs.
struct Device {
  std::string name;  ///< "ref", "cpu" or "cuda"
  DType type;        ///< of activations
  LoraMode lora_mode = LoraMode::merge;
  std::size_t memory = 0;  ///< CudaOptions::memory
  Rounding rounding = Rounding::none;

  std::unique_ptr<Backend> backend() const;
};

/// How far a case is from the reference: the largest difference of latents, hidden states and moments as a share of
/// their largest magnitude, and of pictures in 0..1. Where ties decide the others are left out.
struct Errors {
  double latents = 0, image = 0;
  double image_rms = 0;
};

// One for each kind of case. What must be exact or does not depend on a device is compared by expectations inside.
Errors run_pipeline_case(const Fixture& fixture, const Device& device);
Errors run_text_case(const Fixture& fixture, const Device& device);
Errors run_vae_case(const Fixture& fixture, const Device& device);
void run_scheduler_case(const Fixture& fixture);
void run_tokenizer_case(const Fixture& fixture);
void run_noise_case(const Fixture& fixture);

}  // namespace sumi::test
