#include "image/mask.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "pictures.h"

namespace sumi {
namespace {

using test::fixture;
using test::largest_difference;

TEST(Mask, BrightnessAsPillow) {
  EXPECT_EQ(to_image(brightness(fixture("noise.png"))).rgb, fixture("noise-grey.png").rgb);
}

TEST(Mask, TheMiddleLevelIsMasked) {
  EXPECT_EQ(binarized({4, 1, {0, 127, 128, 255}}).values, (std::vector<std::uint8_t>{0, 0, 255, 255}));
}

// The step from 0 to 255 between two pixels, far from other edges: 255 times the normal distribution at half pixels,
// which a sum of samples meets within 255 / 24 times its slope's change, 0.242 / radius^2 at most; and rounding.
TEST(Mask, BlurOfAStepIsTheNormalDistribution) {
  constexpr int kWidth = 80;
  Grey step{kWidth, 1, std::vector<std::uint8_t>(kWidth)};
  std::fill(step.values.begin() + kWidth / 2, step.values.end(), std::uint8_t{255});
  for (const double radius : {1.5, 4.0}) {
    const Grey soft = blurred(step, radius);
    for (int x = 0; x < kWidth; ++x) {
      const double expected = 127.5 * std::erfc(-(x + 0.5 - kWidth / 2) / radius / std::sqrt(2.0));
      EXPECT_NEAR(soft.values[static_cast<std::size_t>(x)], expected, 0.5 + 2.6 / (radius * radius))
          << radius << " at " << x;
    }
  }
  EXPECT_EQ(blurred(step, 0).values, step.values);
}

// Pillow's is three box filters, which are the normal distribution but for 3 % of the height.
TEST(Mask, BlurIsCloseToPillows) {
  const Grey mask = brightness(fixture("mask.png"));
  for (const int radius : {1, 4}) {
    const Image expected = fixture(fmt::format("blur-{}.png", radius));
    EXPECT_LE(largest_difference(to_image(blurred(mask, radius)).rgb, expected.rgb), 8) << radius;
  }
}

TEST(Mask, BlurRefusesWhatIsNoRadius) {
  EXPECT_NE(test::error_of(ErrorCode::usage, [] { blurred({1, 1, {0}}, -1); }).find("-1"), std::string::npos);
}

}  // namespace
}  // namespace sumi
