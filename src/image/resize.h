#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sumi/image.h"

namespace sumi {

/// Pixels of one value: masks and edges.
struct Grey {
  int width = 0, height = 0;
  std::vector<std::uint8_t> values;  ///< height x width, row by row
};

/// The interpolation of `resize`; where a picture gets smaller, the window grows with it, so that every pixel counts.
enum class Filter {
  nearest,   ///< the pixel at the centre of each new one
  bilinear,  ///< a triangle
  bicubic,   ///< Keys (1981) with a = -1/2
  lanczos,   ///< of three lobes
};

/// A whole picture in another size; its shape may change. Within one of 255 levels the same as Pillow's resize, which
/// rounds and clips between rows and columns: rows first, always (Pillow 13 begins with columns where the height
/// shrinks much more than the width). What diffusers gives models (VaeImageProcessor) is resized with its Lanczos,
/// pictures and masks alike, colours before they become grey; masks then reach the size of latents by the nearest
/// pixel, the upper left one of each eight by eight.
Image resize(const Image& image, int width, int height, Filter filter = Filter::lanczos);
Grey resize(const Grey& grey, int width, int height, Filter filter = Filter::lanczos);
/// The same shape, `side` pixels along its shorter side, then the square in its middle: how CLIP looks at pictures.
Image resize_to_square(const Image& image, int side, Filter filter);

/// Pixels `from` of 0, 1, ... in rows of `channels` values.
std::vector<std::uint8_t> resize_values(std::span<const std::uint8_t> values, int channels, int width, int height,
                                        int new_width, int new_height, Filter filter);

}  // namespace sumi
