#pragma once

#include <string_view>

#include "sumi/image.h"

namespace sumi {

/// Letters of five by seven pixels, each pixel `scale` by `scale`, in one line with its upper left corner at x, y. Of
/// ASCII; what else there is becomes a box, one for each character of UTF-8.
void draw_text(Image& image, std::string_view text, int x, int y, int scale);
/// How wide that line is; it is 7 * scale high.
int text_width(std::string_view text, int scale);

}  // namespace sumi
