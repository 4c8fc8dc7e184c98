#include "image/grid.h"

#include <algorithm>

#include "core/check.h"
#include "image/area.h"
#include "image/letters.h"

namespace sumi {
namespace {

constexpr int kLetterWidth = 5, kLetterHeight = 7, kAdvance = kLetterWidth + 1;

/// Indices into kLetters.
std::vector<std::size_t> letters_of(std::string_view text) {
  std::vector<std::size_t> letters;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool continues = (byte & 0xC0) == 0x80;
    if (continues) continue;
    letters.push_back(byte >= ' ' && byte <= '~' ? byte - static_cast<std::size_t>(' ') : kLetters.size() - 1);
  }
  return letters;
}

void fill_black(Image& image, const Area& area) {
  for (int y = std::max(area.y, 0); y < std::min(area.y + area.height, image.height); ++y) {
    for (int x = std::max(area.x, 0); x < std::min(area.x + area.width, image.width); ++x) {
      const auto pixel = static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + x;
      std::fill_n(&image.rgb[3 * pixel], 3, std::uint8_t{0});
    }
  }
}

Image white(std::int64_t width, std::int64_t height) {
  check(width <= 30000 && height <= 30000 && width * height <= 1 << 27, ErrorCode::usage,
        "a grid of {} x {} pixels is too large: ask for fewer or smaller pictures", width, height);
  Image image{.width = static_cast<int>(width), .height = static_cast<int>(height), .rgb = {}, .text = {}};
  image.rgb.assign(static_cast<std::size_t>(3 * width * height), 255);
  return image;
}

int widest(std::span<const std::string> labels, int scale) {
  int width = 0;
  for (const auto& label : labels) width = std::max(width, text_width(label, scale));
  return width;
}

}  // namespace

int text_width(std::string_view text, int scale) {
  const auto count = static_cast<int>(std::min<std::size_t>(letters_of(text).size(), 4096));
  return count ? (count * kAdvance - 1) * scale : 0;
}

void draw_text(Image& image, std::string_view text, int x, int y, int scale) {
  for (const std::size_t letter : letters_of(text)) {
    if (x >= image.width) return;
    for (int row = 0; row < kLetterHeight; ++row) {
      for (int column = 0; column < kLetterWidth; ++column) {
        const bool ink = kLetters[letter][static_cast<std::size_t>(row)] >> (kLetterWidth - 1 - column) & 1;
        if (ink) fill_black(image, {x + column * scale, y + row * scale, scale, scale});
      }
    }
    x += kAdvance * scale;
  }
}

Image labelled_grid(std::span<const Image> pictures, std::span<const std::string> columns,
                    std::span<const std::string> rows) {
  check(!pictures.empty() && pictures.size() <= columns.size() * rows.size(), ErrorCode::usage,
        "{} pictures do not go into a grid of {} columns and {} rows", pictures.size(), columns.size(), rows.size());
  std::int64_t width = 0, height = 0;
  for (const Image& picture : pictures) {
    width = std::max<std::int64_t>(width, picture.width);
    height = std::max<std::int64_t>(height, picture.height);
  }
  // Letters of a fortieth of the picture's height, readable in a grid that is seen whole.
  const int scale = static_cast<int>(std::max<std::int64_t>(1, height / (40 * kLetterHeight) * 2));
  const int gap = kAdvance * scale, line = kLetterHeight * scale + 2 * gap;
  const int left = widest(rows, scale) + 2 * gap;
  // Columns as wide as their labels, so that none runs into the next.
  width = std::max<std::int64_t>(width, widest(columns, scale));
  const auto across = static_cast<std::int64_t>(columns.size()), down = static_cast<std::int64_t>(rows.size());
  Image grid = white(left + across * (width + gap), line + down * (height + gap));

  const auto column_x = [&](std::size_t i) {
    return static_cast<int>(left + static_cast<std::int64_t>(i) * (width + gap));
  };
  const auto row_y = [&](std::size_t i) {
    return static_cast<int>(line + static_cast<std::int64_t>(i) * (height + gap));
  };
  const auto centred = [](std::int64_t place, int size) { return static_cast<int>((place - size) / 2); };
  for (std::size_t i = 0; i < columns.size(); ++i) {
    draw_text(grid, columns[i], column_x(i) + centred(width, text_width(columns[i], scale)), gap, scale);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    draw_text(grid, rows[i], gap, row_y(i) + centred(height, kLetterHeight * scale), scale);
  }
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const Image& picture = pictures[i];
    paste(grid, picture, column_x(i % columns.size()) + centred(width, picture.width),
          row_y(i / columns.size()) + centred(height, picture.height));
  }
  return grid;
}

}  // namespace sumi
