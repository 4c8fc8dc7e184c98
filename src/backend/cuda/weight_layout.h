#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "backend/cuda/alignment.h"

namespace sumi::cuda {

/// Whose weights go first where not all have room on the device.
enum class Rank {
  always,        ///< vectors
  often,         ///< what every step of the last computation uses
  often_before,  ///< and those of earlier ones: a ControlNet that is no longer used
  once,          ///< what is used once a picture
};
constexpr int ranks = 4;

struct WantedWeight {
  std::size_t bytes;
  Rank rank;
};

/// Which weights stay on the device, in the order in which they came; the others go through a ring.
struct WeightLayout {
  std::vector<bool> resident;
  std::size_t resident_bytes = 0, ring_bytes = 0;

  bool operator==(const WeightLayout&) const = default;
};

/// The least room for these weights: of those that always stay, and of a ring for the largest of the others.
std::size_t least_room(std::span<const WantedWeight> weights);

/// Weights of the first ranks as far as `room` bytes go, and a ring beside them where that is not for all; `room` is at
/// least `least_room`. Of a rank that has room in part the resident ones are spread evenly over the order, in which
/// weights are used: copies of the others then take turns with the work.
WeightLayout lay_out(std::span<const WantedWeight> weights, std::size_t room);

}  // namespace sumi::cuda
