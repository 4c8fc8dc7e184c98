#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sumi/error.h"

namespace sumi {

struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  ///< height x width x 3, row by row, sRGB
  /// Keys and values in UTF-8, as PNG text chunks hold them. The field's programs keep the settings under `parameters`.
  std::vector<std::pair<std::string, std::string>> text;
};

/// How `write_image` stores a picture.
struct ImageOptions {
  int quality = 95;       ///< of JPEG and lossy WebP, 1..100
  bool lossless = false;  ///< WebP only; PNG always is
};

/// Writes .png, .jpg, .jpeg or .webp, as the extension says. The file appears whole or not at all. PNG keeps all of
/// `text`; JPEG and WebP keep `parameters`, as the UserComment of their EXIF data.
/// Error(usage) for another extension or a picture that the format cannot hold, Error(io) where the system refuses.
void write_image(const std::filesystem::path& path, const Image& image, const ImageOptions& options = {});

/// Reads PNG, JPEG or WebP, whatever its name. Sixteen bits become eight, grey and palettes become colours, what is
/// transparent lies over white, and the picture is turned upright as its EXIF data asks.
/// Error(not_found, io), Error(bad_file) for what is damaged, Error(unsupported) for CMYK, animations, more than 30000
/// pixels a side or 2^27 in all.
Image read_image(const std::filesystem::path& path);
Image read_image(std::span<const std::byte> file);

/// Pictures row by row, `columns.size()` in each row, in one picture on white: each column's label above it, each row's
/// at its left. Pictures of fewer pixels than the largest lie in the middle of their place; missing ones are left
/// white. Error(usage) where there are more pictures than places, or where all together is too large.
Image labelled_grid(std::span<const Image> pictures, std::span<const std::string> columns,
                    std::span<const std::string> rows);

/// The picture in at most `columns` characters a line, each two pixels high: the upper half block in 24-bit ANSI
/// colours. Never larger than the picture itself.
std::string half_blocks(const Image& image, int columns);

}  // namespace sumi
