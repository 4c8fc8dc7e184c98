#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/check.h"
#include "core/threads.h"
#include "image/area.h"

namespace sumi {
namespace {

using Values = std::vector<std::uint8_t>;

double sinc(double x) { return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }

double bicubic(double x) {
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

struct Kernel {
  double support;
  double (*value)(double distance);
};

Kernel kernel_of(Filter filter) {
  if (filter == Filter::bilinear) return {1, [](double x) { return 1 - x; }};
  if (filter == Filter::bicubic) return {2, bicubic};
  return {3, [](double x) { return sinc(x) * sinc(x / 3); }};
}

/// The pixels that one new pixel is made of.
struct Window {
  int first;
  std::vector<float> weights;
};

std::vector<Window> windows(int from, int to, Filter filter) {
  const double scale = static_cast<double>(from) / to;
  std::vector<Window> all(static_cast<std::size_t>(to));
  if (filter == Filter::nearest) {
    for (int i = 0; i < to; ++i) {
      all[static_cast<std::size_t>(i)] = {std::min(static_cast<int>((i + 0.5) * scale), from - 1), {1}};
    }
    return all;
  }
  const Kernel kernel = kernel_of(filter);
  const double stretch = std::max(scale, 1.0), support = kernel.support * stretch;
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    Window& window = all[static_cast<std::size_t>(i)];
    window.first = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int end = std::min(static_cast<int>(centre + support + 0.5), from);
    double sum = 0;
    std::vector<double> weights;
    for (int x = window.first; x < end; ++x) {
      const double distance = std::abs(x + 0.5 - centre) / stretch;
      weights.push_back(distance < kernel.support ? kernel.value(distance) : 0);
      sum += weights.back();
    }
    for (const double weight : weights) window.weights.push_back(static_cast<float>(weight / sum));
  }
  return all;
}

std::uint8_t rounded(float value) { return static_cast<std::uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f)); }

Values resize_rows(std::span<const std::uint8_t> from, int channels, int width, int height, int new_width, Filter how) {
  const auto all = windows(width, new_width, how);
  const auto row = static_cast<std::size_t>(width * channels), new_row = static_cast<std::size_t>(new_width * channels);
  Values to(new_row * static_cast<std::size_t>(height));
  parallel_for(height, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto y = static_cast<std::size_t>(begin); y < static_cast<std::size_t>(end); ++y) {
      std::uint8_t* out = &to[y * new_row];
      for (const Window& window : all) {
        const std::uint8_t* in = &from[y * row + static_cast<std::size_t>(window.first * channels)];
        for (int c = 0; c < channels; ++c) {
          float sum = 0;
          for (std::size_t i = 0; i < window.weights.size(); ++i) {
            sum += window.weights[i] * in[i * static_cast<std::size_t>(channels) + static_cast<std::size_t>(c)];
          }
          *out++ = rounded(sum);
        }
      }
    }
  });
  return to;
}

Values resize_columns(std::span<const std::uint8_t> from, std::size_t row, int height, int new_height, Filter how) {
  const auto all = windows(height, new_height, how);
  Values to(row * static_cast<std::size_t>(new_height));
  parallel_for(new_height, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> sums(row);
    for (auto y = static_cast<std::size_t>(begin); y < static_cast<std::size_t>(end); ++y) {
      std::fill(sums.begin(), sums.end(), 0.0f);
      const std::uint8_t* in = &from[static_cast<std::size_t>(all[y].first) * row];
      for (const float weight : all[y].weights) {
        for (std::size_t x = 0; x < row; ++x) sums[x] += weight * in[x];
        in += row;
      }
      std::transform(sums.begin(), sums.end(), to.begin() + static_cast<std::ptrdiff_t>(y * row), rounded);
    }
  });
  return to;
}

}  // namespace

Values resize_values(std::span<const std::uint8_t> values, int channels, int width, int height, int new_width,
                     int new_height, Filter filter) {
  check(new_width > 0 && new_height > 0, ErrorCode::usage, "a picture cannot be resized to {} x {} pixels", new_width,
        new_height);
  Values out(values.begin(), values.end());
  if (new_width != width) out = resize_rows(out, channels, width, height, new_width, filter);
  if (new_height != height) {
    out = resize_columns(out, static_cast<std::size_t>(new_width * channels), height, new_height, filter);
  }
  return out;
}

Image resize(const Image& image, int width, int height, Filter filter) {
  return {.width = width,
          .height = height,
          .rgb = resize_values(image.rgb, 3, image.width, image.height, width, height, filter),
          .text = image.text};
}

Grey resize(const Grey& grey, int width, int height, Filter filter) {
  return {width, height, resize_values(grey.values, 1, grey.width, grey.height, width, height, filter)};
}

Image resize_to_square(const Image& image, int side, Filter filter) {
  const int shorter = std::min(image.width, image.height);
  const auto scaled = [&](int length) { return static_cast<int>(std::int64_t{side} * length / shorter); };
  const Image resized = resize(image, scaled(image.width), scaled(image.height), filter);
  return crop(resized, {(resized.width - side) / 2, (resized.height - side) / 2, side, side});
}

}  // namespace sumi
