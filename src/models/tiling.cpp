#include "models/tiling.h"

#include <algorithm>

namespace sumi {
namespace {

/// The overlap.
std::int64_t quarter(std::int64_t extent) { return extent / 4; }

Plane part_of(const Plane& from, std::int64_t y, std::int64_t x, std::int64_t height, std::int64_t width) {
  Plane part{std::min(height, from.height - y), std::min(width, from.width - x), from.channels, {}};
  for (std::int64_t row = 0; row < part.height; ++row) {
    const auto* begin = &from.values[static_cast<std::size_t>(((y + row) * from.width + x) * from.channels)];
    part.values.insert(part.values.end(), begin, begin + part.width * part.channels);
  }
  return part;
}

float* pixel(Plane& plane, std::int64_t y, std::int64_t x) {
  return &plane.values[static_cast<std::size_t>((y * plane.width + x) * plane.channels)];
}

/// The first rows of `tile` fade from the last of the one above, or the first columns from the last of the one at the
/// left.
void fade(Plane& tile, Plane& before, std::int64_t blend, bool above) {
  const std::int64_t extent = std::min({above ? before.height : before.width, above ? tile.height : tile.width, blend});
  const std::int64_t height = above ? extent : std::min(tile.height, before.height);
  const std::int64_t width = above ? std::min(tile.width, before.width) : extent;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const float share = static_cast<float>(above ? y : x) / static_cast<float>(extent);
      const float* from =
          above ? pixel(before, before.height - extent + y, x) : pixel(before, y, before.width - extent + x);
      float* to = pixel(tile, y, x);
      for (std::int64_t c = 0; c < tile.channels; ++c) to[c] = from[c] * (1 - share) + to[c] * share;
    }
  }
}

/// Side by side, each cut to `kept`.
void append_row(Plane& whole, std::vector<Plane>& tiles, std::int64_t kept) {
  const std::int64_t height = std::min(tiles.front().height, kept);
  std::int64_t width = 0;
  for (const Plane& tile : tiles) width += std::min(tile.width, kept);
  for (std::int64_t y = 0; y < height; ++y) {
    for (Plane& tile : tiles) {
      const float* row = pixel(tile, y, 0);
      whole.values.insert(whole.values.end(), row, row + std::min(tile.width, kept) * tile.channels);
    }
  }
  whole.height += height;
  whole.width = width;
  whole.channels = tiles.front().channels;
}

/// A tile's side: a quarter of it is whole latents, so that what tiles give is as large as what they were cut from. The
/// sizes of published models are such; configurations may say anything from 1 on.
std::int64_t side_of(std::int64_t sample_size, std::int64_t reduction) {
  const std::int64_t unit = 4 * reduction;
  return std::max(sample_size / unit * unit, unit);
}

}  // namespace

Tiling Tiling::of_decoding(std::int64_t sample_size, std::int64_t reduction) {
  const std::int64_t side = side_of(sample_size, reduction), latent = side / reduction;
  return {latent, latent - quarter(latent), side - quarter(side), quarter(side)};
}

Tiling Tiling::of_encoding(std::int64_t sample_size, std::int64_t reduction) {
  const std::int64_t side = side_of(sample_size, reduction), latent = side / reduction;
  return {side, side - quarter(side), latent - quarter(latent), quarter(latent)};
}

Plane in_tiles(const Plane& input, const Tiling& tiling, const std::function<Plane(const Plane&)>& through) {
  Plane whole;
  std::vector<Plane> above;
  for (std::int64_t y = 0; y < input.height; y += tiling.stride) {
    std::vector<Plane> row;
    for (std::int64_t x = 0; x < input.width; x += tiling.stride) {
      Plane tile = through(part_of(input, y, x, tiling.tile, tiling.tile));
      if (y > 0) fade(tile, above[row.size()], tiling.blend, true);
      if (x > 0) fade(tile, row.back(), tiling.blend, false);
      row.push_back(std::move(tile));
    }
    append_row(whole, row, tiling.kept);
    above = std::move(row);
  }
  return whole;
}

}  // namespace sumi
