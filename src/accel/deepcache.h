#pragma once

#include <cstdint>
#include <string_view>

#include "models/unet.h"

namespace sumi {

/// DeepCache (Ma et al., 2024): most steps compute only the shallow layers of the UNet, from what the deep ones made in
/// the last full step.
struct DeepCache {
  std::int64_t interval = 1;  ///< every so many calls of the UNet one is full: 1 is without any reuse
  /// How deep the other steps go: three to a stage, from the highest resolution on. 0 is the first layer alone.
  std::int64_t branch = 0;

  /// "INTERVAL" or "INTERVAL:BRANCH". Error(usage) for anything else.
  static DeepCache parse(std::string_view text);

  /// Whether the call is a full one; calls of a run count from 0.
  bool full(std::int64_t call) const { return call % interval == 0; }
  /// FeatureCache::layers for a UNet. Error(usage) for a branch that it does not have.
  std::size_t layers(const UNetConfig& unet) const;
};

}  // namespace sumi
