#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sumi/image.h"

namespace sumi {

/// What Sumi reads of the EXIF data of a picture (Exif 2.3: a TIFF of two directories).
struct Exif {
  int orientation = 1;                      ///< tag 0x0112, 1..8
  std::optional<std::string> user_comment;  ///< tag 0x9286, UTF-8
};

/// `tiff` begins with its byte order, with or without "Exif\0\0" before it. What is damaged counts as absent.
Exif parse_exif(std::span<const std::byte> tiff);

/// A TIFF that holds only a UserComment, in UTF-16, big-endian, as the field's programs write it.
std::string exif_with_comment(std::string_view utf8);

}  // namespace sumi
