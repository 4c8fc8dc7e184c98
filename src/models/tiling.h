#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace sumi {

/// Values on the host, (height, width, channels).
struct Plane {
  std::int64_t height = 0, width = 0, channels = 0;
  std::vector<float> values;
};

/// How a large picture goes through an autoencoder in pieces that overlap by a quarter, as the reference cuts them.
/// Norms see one piece at a time, so the result is another than that of the whole.
struct Tiling {
  std::int64_t tile, stride;  ///< of the input
  std::int64_t kept, blend;   ///< of the output: what a tile gives, and over how much it fades into its neighbours

  /// `sample_size`: height and width of the pictures that the autoencoder was trained on.
  static Tiling of_decoding(std::int64_t sample_size, std::int64_t reduction);
  static Tiling of_encoding(std::int64_t sample_size, std::int64_t reduction);
  /// Smaller inputs go through as a whole.
  bool cuts(std::int64_t height, std::int64_t width) const { return height > tile || width > tile; }
};

/// `through` for each tile from left to right and top to bottom; what it gives is faded into the tile above, then into
/// the one at the left, and cut to what is kept.
Plane in_tiles(const Plane& input, const Tiling& tiling, const std::function<Plane(const Plane&)>& through);

}  // namespace sumi
