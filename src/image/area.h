#pragma once

#include <optional>

#include "image/resize.h"

namespace sumi {

/// A rectangle of pixels.
struct Area {
  int x = 0, y = 0, width = 0, height = 0;

  auto operator<=>(const Area&) const = default;
};

/// The part of a picture. Error(usage) where the area is not inside of it.
Image crop(const Image& image, const Area& area);
Grey crop(const Grey& grey, const Area& area);
/// Puts `part` into `image` at x, y; what lies outside is left out. With a mask of the size of `image`, 255 is the part
/// and 0 the image as it was, levels between are mixed.
void paste(Image& image, const Image& part, int x, int y, const Grey* mask = nullptr);

/// The smallest area with all of the mask that is not 0, `padding` pixels wider on each side and grown to the shape of
/// width x height as far as the picture goes ("only masked"); as diffusers' get_crop_region does. Nothing where the
/// mask is all 0.
std::optional<Area> masked_area(const Grey& mask, int width, int height, int padding);

}  // namespace sumi
