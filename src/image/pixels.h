#pragma once

#include <cstdint>
#include <vector>

#include "sumi/image.h"

namespace sumi {

/// Both limits of a picture that is read. Error(bad_file) for an empty one, Error(unsupported) for one too large.
void check_size(std::uint64_t width, std::uint64_t height);

/// Rows of red, green, blue and opacity become rows of three, in place, lying over white.
void flatten_over_white(std::vector<std::uint8_t>& rgba);

/// The picture upright, from an EXIF orientation: 1 as stored, 2 mirrored, 3 turned by 180 degrees, 4 flipped,
/// 5 transposed, 6 to be turned right, 7 transposed along the other diagonal, 8 to be turned left. Others count as 1.
Image upright(Image image, int orientation);

}  // namespace sumi
