#include "image/pixels.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/check.h"

namespace sumi {
namespace {

constexpr std::uint64_t kLongestSide = 30000;
constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 27;  // 384 MiB of colours, 512 MiB while there is opacity

}  // namespace

void check_size(std::uint64_t width, std::uint64_t height) {
  check(width > 0 && height > 0, ErrorCode::bad_file, "a picture without pixels ({} x {})", width, height);
  check(width <= kLongestSide && height <= kLongestSide && width * height <= kMostPixels, ErrorCode::unsupported,
        "a picture of {} x {} pixels is too large: at most {} a side and {} in all", width, height, kLongestSide,
        kMostPixels);
}

void flatten_over_white(std::vector<std::uint8_t>& rgba) {
  const std::size_t pixels = rgba.size() / 4;
  for (std::size_t i = 0; i < pixels; ++i) {
    const int opacity = rgba[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const int value = rgba[4 * i + c] * opacity + 255 * (255 - opacity);
      rgba[3 * i + c] = static_cast<std::uint8_t>((value + 127) / 255);
    }
  }
  rgba.resize(3 * pixels);
}

Image upright(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  const bool transposed = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out{.width = image.width, .height = image.height, .rgb = {}, .text = std::move(image.text)};
  if (transposed) std::swap(out.width, out.height);
  out.rgb.resize(image.rgb.size());
  std::uint8_t* to = out.rgb.data();
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x, to += 3) {
      int column = transposed ? y : x, row = transposed ? x : y;
      if (from_right) column = image.width - 1 - column;
      if (from_below) row = image.height - 1 - row;
      const auto pixel = static_cast<std::size_t>(row) * static_cast<std::size_t>(image.width) + column;
      std::copy_n(&image.rgb[3 * pixel], 3, to);
    }
  }
  return out;
}

}  // namespace sumi
