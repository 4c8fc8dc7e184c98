#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sumi/image.h"

namespace sumi {

/// Letters of five by seven pixels, each pixel `scale` by `scale`, in one line with its upper left corner at x, y. Of
/// ASCII; what else there is becomes a box, one for each character of UTF-8.
void draw_text(Image& image, std::string_view text, int x, int y, int scale);
/// How wide that line is; it is 7 * scale high.
int text_width(std::string_view text, int scale);

/// Pictures row by row, `columns.size()` in each row, in one picture on white: each column's label above it, each row's
/// at its left. Pictures of fewer pixels than the largest lie in the middle of their place; missing ones are left
/// white. Error(usage) where there are more pictures than places, or where all together is too large.
Image labelled_grid(std::span<const Image> pictures, std::span<const std::string> columns,
                    std::span<const std::string> rows);

}  // namespace sumi
