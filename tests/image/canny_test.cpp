#include <functional>

#include <gtest/gtest.h>

#include "image/mask.h"
#include "pictures.h"

namespace sumi {
namespace {

Grey drawn(int width, int height, const std::function<int(int, int)>& value) {
  Grey grey{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) grey.values.push_back(static_cast<std::uint8_t>(value(x, y)));
  return grey;
}

std::uint8_t at(const Grey& grey, int x, int y) { return grey.values[static_cast<std::size_t>(y * grey.width + x)]; }

// A step of s levels between two columns: Sobel gives 4 s in both, the left one is the ridge.
TEST(Canny, AStepIsALineOfOnePixel) {
  for (const int step : {51, 50, 25}) {
    const Grey edges = canny(to_image(drawn(20, 12, [&](int x, int) { return x < 9 ? 100 : 100 + step; })), 100, 200);
    const bool found = 4 * step > 200;  // one between the thresholds has no strong neighbour
    for (int y = 0; y < 12; ++y)
      for (int x = 0; x < 20; ++x)
        EXPECT_EQ(at(edges, x, y), found && x == 8 ? 255 : 0) << step << ": " << x << ", " << y;
  }
}

// An edge that fades from top to bottom: what is above the lower threshold counts as far as it is connected.
TEST(Canny, WeakEdgesCountNextToStrongOnes) {
  const auto fading = [](int x, int y) { return x < 10 ? 0 : 120 - 4 * y; };
  const Grey edges = canny(to_image(drawn(20, 30, fading)), 100, 200);
  // Four times the step of the row, and 24 as it fades: above 200 to row 18, above 100 to row 25.
  for (int y = 1; y < 29; ++y) EXPECT_EQ(at(edges, 10, y), 4 * (120 - 4 * y) + 24 > 100 ? 255 : 0) << y;
  const auto without =
      canny(to_image(drawn(20, 30, [&](int x, int y) { return y < 19 ? 0 : fading(x, y); })), 100, 300);
  EXPECT_EQ(at(without, 10, 22), 0) << "no strong edge is near";
}

TEST(Canny, TheStrongestChannelCounts) {
  Image image = to_image(drawn(20, 12, [](int, int) { return 90; }));
  for (std::size_t i = 2; i < image.rgb.size(); i += 3) image.rgb[i] = (i / 3) % 20 < 9 ? 0 : 255;
  EXPECT_EQ(at(canny(image), 8, 5), 255);
  EXPECT_EQ(at(canny(to_image(brightness(image))), 8, 5), 0) << "blue is a ninth of the brightness";
}

// The ridge of a circle lies on the circle and is closed.
TEST(Canny, ACircleStaysACircle) {
  const auto distance = [](int x, int y) { return std::hypot(x - 30.0, y - 30.0); };
  const Grey edges = canny(
      to_image(drawn(61, 61, [&](int x, int y) { return std::clamp(128 - int(60 * (distance(x, y) - 20)), 0, 255); })));
  int count = 0;
  for (int y = 0; y < 61; ++y) {
    for (int x = 0; x < 61; ++x) {
      if (!at(edges, x, y)) continue;
      ++count;
      EXPECT_NEAR(distance(x, y), 20, 1.6);
    }
  }
  EXPECT_GT(count, 100);  // a circle of 8-connected pixels has about 8 r / sqrt 2
  EXPECT_LT(count, 180);
}

}  // namespace
}  // namespace sumi
