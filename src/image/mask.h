#pragma once

#include "image/resize.h"

namespace sumi {

/// How bright each pixel is: ITU-R 601, as Pillow's "L".
Grey brightness(const Image& image);
/// 255 from the middle of the levels upwards, else 0, as diffusers treats masks: 255 is painted anew.
Grey binarized(const Grey& mask);
/// Gaussian blur whose standard deviation is `radius` pixels; beyond the edges the outermost pixels go on. 0 changes
/// nothing.
Grey blurred(const Grey& mask, double radius);

/// Edges after Canny (1986): Sobel gradients of the channel that has the largest, thinned to their ridges; ridges above
/// `high` and what is connected to them and above `low` become 255. Thresholds in units of |dx| + |dy|, as OpenCV's;
/// 100 and 200 are what ControlNets were trained with.
Grey canny(const Image& image, double low = 100, double high = 200);
/// All channels alike.
Image to_image(const Grey& grey);

}  // namespace sumi
