#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>

#include <fmt/format.h>

#include "sumi/image.h"

namespace sumi {
namespace {

using Colour = std::array<unsigned, 3>;

/// Pixels [first, last) of a side of `size` that fall on place `i` of `places`: at least one, and each on one place.
struct PixelRange {
  std::size_t first, last;
};
PixelRange pixels_of(std::size_t i, std::size_t places, std::size_t size) {
  return {i * size / places, (i + 1) * size / places};
}

Colour mean_colour(const Image& image, PixelRange columns, PixelRange rows) {
  Colour sum{};
  const auto width = static_cast<std::size_t>(image.width);
  for (std::size_t y = rows.first; y < rows.last; ++y) {
    for (std::size_t x = columns.first; x < columns.last; ++x) {
      for (std::size_t c = 0; c < 3; ++c) sum[c] += image.rgb[3 * (y * width + x) + c];
    }
  }
  const auto count = static_cast<unsigned>((columns.last - columns.first) * (rows.last - rows.first));
  for (unsigned& value : sum) value = (value + count / 2) / count;
  return sum;
}

}  // namespace

std::string half_blocks(const Image& image, int columns) {
  std::string out;
  if (image.width <= 0 || image.height <= 0 || columns <= 0) return out;
  const auto width = static_cast<std::size_t>(image.width), height = static_cast<std::size_t>(image.height);
  const std::size_t across = std::min(static_cast<std::size_t>(columns), width);
  const std::size_t down = std::max<std::size_t>(1, (height * across + width / 2) / width);
  for (std::size_t y = 0; y < down; y += 2) {
    for (std::size_t x = 0; x < across; ++x) {
      const PixelRange here = pixels_of(x, across, width);
      const auto [r, g, b] = mean_colour(image, here, pixels_of(y, down, height));
      fmt::format_to(std::back_inserter(out), "\x1b[38;2;{};{};{}", r, g, b);
      if (y + 1 < down) {
        const auto [r2, g2, b2] = mean_colour(image, here, pixels_of(y + 1, down, height));
        fmt::format_to(std::back_inserter(out), ";48;2;{};{};{}", r2, g2, b2);
      }
      out += "m\u2580";  // upper half block
    }
    out += "\x1b[0m\n";
  }
  return out;
}

}  // namespace sumi
