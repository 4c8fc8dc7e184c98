#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weights/checkpoint.h"

namespace sumi {

// How many blocks the parts of a model have and how wide they are, read from the names and shapes of its tensors: what
// the numbers in names depend on. Each from a file that has LDM's names and from one that has diffusers'. They stop at
// the first block that is missing or misshapen and leave it to a loader to tell.

/// A UNet, or the way down of a ControlNet.
struct UNetLayout {
  struct Block {
    std::int64_t channels;  ///< that a resnet block gives
    int depth;              ///< transformer blocks after it; 0 without attention
  };
  using Level = std::vector<Block>;

  std::vector<Level> down, up;  ///< in the order of running
  int middle_resnets = 0;       ///< 2, 1 or none
  int middle_depth = 0;         ///< 0 without attention
};
UNetLayout ldm_unet_layout(const TensorMap& tensors);
UNetLayout diffusers_unet_layout(const TensorMap& tensors);

/// An autoencoder.
struct VaeLayout {
  std::vector<std::int64_t> channels;  ///< of each level, from pictures to latents
  int layers = 0;                      ///< resnet blocks of an encoder level
};
VaeLayout ldm_vae_layout(const TensorMap& tensors);
VaeLayout diffusers_vae_layout(const TensorMap& tensors);

/// Channels that a convolution or linear layer gives or takes; 0 where there is none of that name.
std::int64_t outputs_of(const TensorMap& tensors, const std::string& weight);
std::int64_t inputs_of(const TensorMap& tensors, const std::string& weight);

}  // namespace sumi
