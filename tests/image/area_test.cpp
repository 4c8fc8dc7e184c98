#include "image/area.h"

#include <gtest/gtest.h>

#include "image/mask.h"
#include "pictures.h"

namespace sumi {
namespace {

Grey mask_of(int width, int height, const Area& area) {
  Grey mask{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height))};
  for (int y = area.y; y < area.y + area.height; ++y)
    for (int x = area.x; x < area.x + area.width; ++x) mask.values[static_cast<std::size_t>(y * width + x)] = 1;
  return mask;
}

// Expected areas are those that diffusers' get_crop_region gives for the same masks.
TEST(Area, OfTheMaskInTheShapeOfTheTarget) {
  struct Case {
    Area masked;
    int width, height, padding;
    Area expected;
  };
  const Case cases[] = {
      {{20, 30, 10, 10}, 64, 64, 0, {20, 30, 10, 10}},  {{20, 30, 10, 10}, 64, 64, 4, {16, 26, 18, 18}},
      {{20, 30, 40, 10}, 64, 64, 0, {20, 15, 40, 40}},  {{20, 30, 10, 37}, 64, 64, 0, {7, 30, 37, 37}},
      {{0, 0, 10, 30}, 64, 64, 3, {0, 0, 33, 33}},      {{90, 70, 10, 5}, 64, 64, 0, {90, 68, 10, 10}},
      {{90, 40, 10, 31}, 128, 64, 0, {38, 40, 62, 31}}, {{5, 5, 90, 20}, 64, 64, 0, {5, 0, 90, 80}},
      {{0, 0, 100, 80}, 64, 128, 32, {0, 0, 100, 80}},
  };
  for (const Case& each : cases) {
    const auto area = masked_area(mask_of(100, 80, each.masked), each.width, each.height, each.padding);
    ASSERT_TRUE(area);
    EXPECT_EQ(*area, each.expected) << each.masked.x << " " << each.masked.y << ": " << area->x << " " << area->y << " "
                                    << area->width << " " << area->height;
  }
  EXPECT_FALSE(masked_area(mask_of(100, 80, {}), 64, 64, 4));
}

TEST(Area, CropAndPasteAreInverse) {
  const Image image = test::waves(31, 17);
  const Area area{5, 3, 20, 11};
  const Image part = crop(image, area);
  Image other = image;
  for (auto& value : other.rgb) value = static_cast<std::uint8_t>(255 - value);
  Image pasted = other;
  paste(pasted, part, area.x, area.y);
  EXPECT_EQ(crop(pasted, area).rgb, part.rgb);
  const Image above = crop(pasted, {0, 0, 31, 3});
  EXPECT_EQ(above.rgb, crop(other, {0, 0, 31, 3}).rgb);
  EXPECT_NE(test::error_of(ErrorCode::usage,
                           [&] {
                             crop(image, {12, 0, 20, 17});
                           })
                .find("20 x 17 at 12, 0"),
            std::string::npos);
}

TEST(Area, PasteMixesAsTheMaskSays) {
  Image image = to_image({3, 1, {100, 100, 100}});
  const Image part = to_image({3, 1, {200, 200, 200}});
  const Grey mask{3, 1, {0, 51, 255}};
  paste(image, part, 0, 0, &mask);
  EXPECT_EQ(image.rgb, to_image({3, 1, {100, 120, 200}}).rgb);
  paste(image, to_image({2, 1, {1, 2}}), -1, 0);
  EXPECT_EQ(image.rgb, to_image({3, 1, {2, 120, 200}}).rgb);
}

}  // namespace
}  // namespace sumi
