#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "image/mask.h"

namespace sumi {
namespace {

struct Gradient {
  int dx = 0, dy = 0;

  int size() const { return std::abs(dx) + std::abs(dy); }
};

/// A value for every pixel, and zeros around.
template <class T>
class Field {
 public:
  Field(int width, int height)
      : stride_(static_cast<std::size_t>(width) + 2), values_(stride_ * (static_cast<std::size_t>(height) + 2)) {}
  T& at(int x, int y) { return values_[static_cast<std::size_t>(y + 1) * stride_ + static_cast<std::size_t>(x + 1)]; }
  const T& at(int x, int y) const { return const_cast<Field*>(this)->at(x, y); }

 private:
  std::size_t stride_;
  std::vector<T> values_;
};

/// Sobel's, with the outermost pixels going on beyond the edges; of the channel where it is largest.
Gradient gradient(const Image& image, int x, int y) {
  const auto offset = [&](int column, int row) {
    const auto inside = static_cast<std::size_t>(std::clamp(row, 0, image.height - 1));
    return 3 * (inside * static_cast<std::size_t>(image.width) +
                static_cast<std::size_t>(std::clamp(column, 0, image.width - 1)));
  };
  Gradient largest;
  for (std::size_t c = 0; c < 3; ++c) {
    const auto at = [&](int dx, int dy) { return int{image.rgb[offset(x + dx, y + dy) + c]}; };
    const Gradient here{at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1),
                        at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1)};
    if (here.size() > largest.size()) largest = here;
  }
  return largest;
}

/// Whether the gradient is not less than its neighbours in its direction, of the eight around; of two equal ones in a
/// row the left or upper one is the ridge.
bool is_ridge(const Field<Gradient>& gradients, int x, int y) {
  constexpr double kEighth = 0.41421356237309503;  // tan(pi / 8)
  const Gradient& g = gradients.at(x, y);
  const auto size = [&](int dx, int dy) { return gradients.at(x + dx, y + dy).size(); };
  const double along = std::abs(g.dx), across = std::abs(g.dy);
  const int here = g.size();
  if (across < kEighth * along) return here > size(-1, 0) && here >= size(1, 0);
  if (along < kEighth * across) return here > size(0, -1) && here >= size(0, 1);
  const int side = (g.dx < 0) != (g.dy < 0) ? -1 : 1;
  return here > size(-side, -1) && here > size(side, 1);
}

}  // namespace

Grey canny(const Image& image, double low, double high) {
  check(low >= 0 && high >= low, ErrorCode::usage, "edges between {} and {}: the first threshold is the lower one", low,
        high);
  Field<Gradient> gradients(image.width, image.height);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) gradients.at(x, y) = gradient(image, x, y);

  Field<char> possible(image.width, image.height);
  Grey edges{image.width, image.height, {}};
  edges.values.resize(static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height));
  std::vector<std::pair<int, int>> found;
  const auto take = [&](int x, int y) {
    possible.at(x, y) = false;
    edges.values[static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x)] =
        255;
    found.emplace_back(x, y);
  };
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const double size = gradients.at(x, y).size();
      if (size <= low || !is_ridge(gradients, x, y)) continue;
      possible.at(x, y) = true;
      if (size > high) take(x, y);
    }
  }
  while (!found.empty()) {
    const auto [x, y] = found.back();
    found.pop_back();
    for (int dy = -1; dy <= 1; ++dy)
      for (int dx = -1; dx <= 1; ++dx)
        if (possible.at(x + dx, y + dy)) take(x + dx, y + dy);
  }
  return edges;
}

}  // namespace sumi
