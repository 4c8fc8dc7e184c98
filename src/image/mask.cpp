#include "image/mask.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/threads.h"

namespace sumi {
namespace {

/// Weights from the middle outwards, cut where they are below a thousandth of a level.
std::vector<float> gaussian(double radius) {
  const auto reach = static_cast<std::size_t>(std::ceil(4 * radius));
  std::vector<double> weights;
  double sum = 0;
  for (std::size_t i = 0; i <= reach; ++i) {
    weights.push_back(std::exp(-0.5 * std::pow(static_cast<double>(i) / radius, 2)));
    sum += weights.back() * (i == 0 ? 1 : 2);
  }
  std::vector<float> normalised;
  for (const double weight : weights) normalised.push_back(static_cast<float>(weight / sum));
  return normalised;
}

/// Along lines of `length` values that are `step` apart; `lines` of them start `stride` apart.
void blur_lines(std::vector<float>& values, std::span<const float> weights, int length, std::size_t step, int lines,
                std::size_t stride) {
  parallel_for(lines, 8, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> line(static_cast<std::size_t>(length));
    const auto at = [&](int i) { return line[static_cast<std::size_t>(std::clamp(i, 0, length - 1))]; };
    for (std::int64_t n = begin; n < end; ++n) {
      float* start = &values[static_cast<std::size_t>(n) * stride];
      for (std::size_t i = 0; i < line.size(); ++i) line[i] = start[i * step];
      for (int i = 0; i < length; ++i) {
        float sum = weights[0] * at(i);
        for (int k = 1; k < static_cast<int>(weights.size()); ++k) {
          sum += weights[static_cast<std::size_t>(k)] * (at(i - k) + at(i + k));
        }
        start[static_cast<std::size_t>(i) * step] = sum;
      }
    }
  });
}

}  // namespace

Grey brightness(const Image& image) {
  Grey grey{image.width, image.height, {}};
  grey.values.resize(image.rgb.size() / 3);
  for (std::size_t i = 0; i < grey.values.size(); ++i) {
    const int sum = 19595 * image.rgb[3 * i] + 38470 * image.rgb[3 * i + 1] + 7471 * image.rgb[3 * i + 2];
    grey.values[i] = static_cast<std::uint8_t>((sum + (1 << 15)) >> 16);
  }
  return grey;
}

Grey binarized(const Grey& mask) {
  Grey out = mask;
  for (auto& value : out.values) value = value >= 128 ? 255 : 0;
  return out;
}

Grey blurred(const Grey& mask, double radius) {
  constexpr double kMost = 1000;
  check(radius >= 0 && radius <= kMost, ErrorCode::usage, "a blur of {} pixels is not in 0..{}", radius, kMost);
  if (radius == 0) return mask;
  const auto weights = gaussian(radius);
  const auto width = static_cast<std::size_t>(mask.width);
  std::vector<float> values(mask.values.begin(), mask.values.end());
  blur_lines(values, weights, mask.width, 1, mask.height, width);
  blur_lines(values, weights, mask.height, width, mask.width, 1);
  Grey out{mask.width, mask.height, {}};
  for (const float value : values) out.values.push_back(static_cast<std::uint8_t>(value + 0.5f));
  return out;
}

Image to_image(const Grey& grey) {
  Image image{.width = grey.width, .height = grey.height, .rgb = {}, .text = {}};
  image.rgb.reserve(3 * grey.values.size());
  for (const std::uint8_t value : grey.values) image.rgb.insert(image.rgb.end(), 3, value);
  return image;
}

}  // namespace sumi
