#include "image/resize.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "image/mask.h"
#include "pictures.h"

namespace sumi {
namespace {

using test::fixture;
using test::largest_difference;

struct Case {
  const char* name;
  Filter filter;
};

class Resize : public testing::TestWithParam<Case> {};

// Smaller, larger, both, and one side alone, as pillow_fixtures.py writes them.
TEST_P(Resize, AsPillowWithinOneLevel) {
  const Image noise = fixture("noise.png");
  for (const auto& [width, height] : {std::pair{10, 7}, {40, 31}, {9, 31}, {8, 17}}) {
    const Image expected = fixture(fmt::format("{}-{}x{}.png", GetParam().name, width, height));
    const Image actual = resize(noise, width, height, GetParam().filter);
    EXPECT_EQ(actual.width, width);
    EXPECT_EQ(actual.height, height);
    EXPECT_LE(largest_difference(actual.rgb, expected.rgb), GetParam().filter == Filter::nearest ? 0 : 1)
        << width << " x " << height;
  }
}

INSTANTIATE_TEST_SUITE_P(Filters, Resize,
                         testing::Values(Case{"nearest", Filter::nearest}, Case{"bilinear", Filter::bilinear},
                                         Case{"bicubic", Filter::bicubic}, Case{"lanczos", Filter::lanczos}),
                         [](const auto& each) { return each.param.name; });

TEST(Resize, TheSameSizeIsTheSamePicture) {
  const Image noise = fixture("noise.png");
  EXPECT_EQ(resize(noise, noise.width, noise.height).rgb, noise.rgb);
}

TEST(Resize, GreyIsOneChannelOfColour) {
  const Image noise = fixture("noise.png");
  const Grey grey = brightness(noise);
  EXPECT_EQ(to_image(resize(grey, 31, 9)).rgb, resize(to_image(grey), 31, 9).rgb);
}

TEST(Resize, ToSquareTakesTheMiddle) {
  Image image = to_image({6, 2, {0, 0, 10, 20, 0, 0, 0, 0, 30, 40, 0, 0}});
  EXPECT_EQ(resize_to_square(image, 2, Filter::bicubic).rgb, to_image({2, 2, {10, 20, 30, 40}}).rgb);
}

TEST(Resize, ToSquareAsClipsPreprocessing) {
  const Image actual = resize_to_square(fixture("noise.png"), 8, Filter::bicubic);
  EXPECT_LE(largest_difference(actual.rgb, fixture("clip-8.png").rgb), 1);
}

TEST(Resize, RefusesNoPixels) {
  EXPECT_NE(test::error_of(ErrorCode::usage, [] { resize(test::waves(4, 4), 0, 4); }).find("0 x 4"), std::string::npos);
}

}  // namespace
}  // namespace sumi
