#include "backend/cuda/weight_layout.h"

#include <algorithm>
#include <array>

#include "core/check.h"

namespace sumi::cuda {
namespace {

std::size_t bytes_of_rank(std::span<const WantedWeight> weights, Rank rank) {
  std::size_t sum = 0;
  for (const WantedWeight& each : weights) sum += each.rank == rank ? aligned(each.bytes) : 0;
  return sum;
}

/// Of a rank and all behind it.
std::size_t largest_from(std::span<const WantedWeight> weights, int rank) {
  std::size_t largest = 0;
  for (const WantedWeight& each : weights) {
    if (static_cast<int>(each.rank) >= rank) largest = std::max(largest, aligned(each.bytes));
  }
  return largest;
}

/// Takes weights into a layout as long as there is room.
class Filling {
 public:
  Filling(std::span<const WantedWeight> weights, std::size_t room) : weights_(weights), room_(room) {
    layout.resident.resize(weights.size());
  }

  void all(Rank rank) {
    each(rank, [](std::size_t) { return true; });
  }
  /// So many bytes of a rank, as even a share of every stretch of it as can be.
  void spread(Rank rank, std::size_t bytes) {
    const double share = static_cast<double>(bytes) / static_cast<double>(bytes_of_rank(weights_, rank));
    double seen = 0, taken = 0;
    each(rank, [&](std::size_t i) {
      const auto size = static_cast<double>(aligned(weights_[i].bytes));
      const bool take = taken + size / 2 <= share * (seen + size / 2);
      seen += size;
      taken += take ? size : 0;
      return take;
    });
  }
  std::size_t room() const { return room_ - layout.resident_bytes; }
  /// Sets apart what is not for resident weights.
  void leave(std::size_t bytes) { room_ -= bytes; }

  WeightLayout layout;

 private:
  template <class Take>
  void each(Rank rank, const Take& take) {
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      if (weights_[i].rank != rank || layout.resident[i] || !take(i)) continue;
      const std::size_t size = aligned(weights_[i].bytes);
      if (size > room()) continue;
      layout.resident[i] = true;
      layout.resident_bytes += size;
    }
  }

  std::span<const WantedWeight> weights_;
  std::size_t room_;
};

}  // namespace

std::size_t least_room(std::span<const WantedWeight> weights) {
  return bytes_of_rank(weights, Rank::always) + largest_from(weights, 1);
}

WeightLayout lay_out(std::span<const WantedWeight> weights, std::size_t room) {
  check(room >= least_room(weights), ErrorCode::internal, "{} bytes of room for weights that need {}", room,
        least_room(weights));
  Filling filling(weights, room);
  filling.all(Rank::always);
  int rank = 1;
  // The last rank of all needs no ring behind it.
  while (rank < ranks && bytes_of_rank(weights, Rank{rank}) + largest_from(weights, rank + 1) <= filling.room()) {
    filling.all(Rank{rank++});
  }
  if (rank == ranks) return std::move(filling.layout);
  // A ring for two of the largest: one that is used and one that comes. Beyond that resident weights save more.
  const std::size_t largest = largest_from(weights, rank);
  const std::size_t ring = std::min(filling.room(), std::clamp(filling.room() / 4, largest, 2 * largest));
  filling.leave(ring);
  filling.spread(Rank{rank}, filling.room());
  for (int each = rank; each < ranks; ++each) filling.all(Rank{each});
  filling.layout.ring_bytes = ring;
  return std::move(filling.layout);
}

}  // namespace sumi::cuda
