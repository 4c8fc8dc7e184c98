#include "image/area.h"

#include <algorithm>

#include "core/check.h"

namespace sumi {
namespace {

template <class To, class From>
void copy_rows(From from, const Area& area, int width, int channels, To to) {
  for (int y = 0; y < area.height; ++y) {
    const auto first = (static_cast<std::ptrdiff_t>(area.y + y) * width + area.x) * channels;
    to = std::copy_n(from + first, area.width * channels, to);
  }
}

void check_inside(const Area& area, int width, int height) {
  check(area.width > 0 && area.height > 0 && area.x >= 0 && area.y >= 0 && area.width <= width - area.x &&
            area.height <= height - area.y,
        ErrorCode::usage, "an area of {} x {} at {}, {} does not lie in a picture of {} x {}", area.width, area.height,
        area.x, area.y, width, height);
}

/// From `begin` to `end` along one side.
struct Range {
  int begin, end;

  int length() const { return end - begin; }
  /// Longer by `more` on both sides together, moved to stay in 0..limit, and cut where even that is too long.
  Range grown(int more, int limit) const {
    Range range{begin - more / 2, end + more - more / 2};
    const int over = std::max(range.end - limit, 0);
    range = {range.begin - over, range.end - over};
    if (range.begin < 0) range = {0, range.end - range.begin};
    return {range.begin, std::min(range.end, limit)};
  }
};

}  // namespace

Image crop(const Image& image, const Area& area) {
  check_inside(area, image.width, image.height);
  Image part{.width = area.width, .height = area.height, .rgb = {}, .text = image.text};
  part.rgb.resize(std::size_t{3} * static_cast<std::size_t>(area.width) * static_cast<std::size_t>(area.height));
  copy_rows(image.rgb.begin(), area, image.width, 3, part.rgb.begin());
  return part;
}

Grey crop(const Grey& grey, const Area& area) {
  check_inside(area, grey.width, grey.height);
  Grey part{area.width, area.height, {}};
  part.values.resize(static_cast<std::size_t>(area.width) * static_cast<std::size_t>(area.height));
  copy_rows(grey.values.begin(), area, grey.width, 1, part.values.begin());
  return part;
}

void paste(Image& image, const Image& part, int x, int y, const Grey* mask) {
  check(!mask || (mask->width == image.width && mask->height == image.height), ErrorCode::internal,
        "paste: a mask of {} x {} for a picture of {} x {}", mask ? mask->width : 0, mask ? mask->height : 0,
        image.width, image.height);
  for (int row = std::max(y, 0); row < std::min(y + part.height, image.height); ++row) {
    for (int column = std::max(x, 0); column < std::min(x + part.width, image.width); ++column) {
      const auto to = static_cast<std::size_t>(row) * static_cast<std::size_t>(image.width) + column;
      const auto from = static_cast<std::size_t>(row - y) * static_cast<std::size_t>(part.width) + (column - x);
      const int opacity = mask ? mask->values[to] : 255;
      for (std::size_t c = 0; c < 3; ++c) {
        auto& value = image.rgb[3 * to + c];
        value = static_cast<std::uint8_t>((value * (255 - opacity) + part.rgb[3 * from + c] * opacity + 127) / 255);
      }
    }
  }
}

std::optional<Area> masked_area(const Grey& mask, int width, int height, int padding) {
  Range x{mask.width, 0}, y{mask.height, 0};
  for (int row = 0; row < mask.height; ++row) {
    const auto begin = mask.values.begin() + static_cast<std::ptrdiff_t>(row) * mask.width, end = begin + mask.width;
    const auto masked = [](std::uint8_t value) { return value != 0; };
    const auto first = std::find_if(begin, end, masked);
    if (first == end) continue;
    const auto last = std::find_if(std::reverse_iterator(end), std::reverse_iterator(begin), masked).base();
    x = {std::min(x.begin, static_cast<int>(first - begin)), std::max(x.end, static_cast<int>(last - begin))};
    y = {std::min(y.begin, row), row + 1};
  }
  if (y.length() <= 0) return std::nullopt;
  x = {std::max(x.begin - padding, 0), std::min(x.end + padding, mask.width)};
  y = {std::max(y.begin - padding, 0), std::min(y.end + padding, mask.height)};
  const double shape = static_cast<double>(width) / height;
  if (static_cast<double>(x.length()) / y.length() > shape) {
    y = y.grown(static_cast<int>(x.length() / shape - y.length()), mask.height);
  } else {
    x = x.grown(static_cast<int>(y.length() * shape - x.length()), mask.width);
  }
  return Area{x.begin, y.begin, x.length(), y.length()};
}

}  // namespace sumi
