#include "pipelines/overlay.h"

#include <gtest/gtest.h>

#include "core/check.h"

namespace sumi::test {
namespace {

Image filled(int width, int height, std::uint8_t level) {
  return {.width = width,
          .height = height,
          .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), level)};
}

/// Light from column `from` on.
Image mask_from(int width, int height, int from) {
  Image mask = filled(width, height, 0);
  for (int i = 0; i < 3 * width * height; ++i) {
    if (i / 3 % width >= from) mask.rgb[static_cast<std::size_t>(i)] = 255;
  }
  return mask;
}

int level_at(const Image& image, int x, int y) {
  return image.rgb[static_cast<std::size_t>(3 * (y * image.width + x))];
}

Request painting(Mask mask) { return {.start = Start{.picture = filled(64, 48, 100)}, .mask = std::move(mask)}; }

TEST(Overlay, LeavesWhatTheModelMadeWithAHardMask) {
  const Overlay overlay(painting({.picture = mask_from(64, 48, 32)}), 8);
  EXPECT_EQ(level_at(overlay.lay(filled(64, 48, 7)), 0, 0), 7);
}

TEST(Overlay, KeepsTheOriginalUnderASoftMaskAndFadesBetween) {
  const Overlay overlay(painting({.picture = mask_from(64, 48, 32), .blur = 3}), 8);
  const Image whole = overlay.lay(filled(64, 48, 200));
  EXPECT_EQ(level_at(whole, 4, 20), 100);
  EXPECT_EQ(level_at(whole, 60, 20), 200);
  EXPECT_NEAR(level_at(whole, 32, 20), 150, 12);
  for (int x = 1; x < 64; ++x) EXPECT_GE(level_at(whole, x, 20), level_at(whole, x - 1, 20)) << x;
}

TEST(Overlay, GivesTheModelTheSurroundingsOfTheMaskAtFullSize) {
  const Overlay overlay(painting({.picture = mask_from(64, 48, 48), .only_masked = 0}), 8);
  const Request& asked = overlay.request();
  EXPECT_EQ(asked.width, 64);
  EXPECT_EQ(asked.height, 48);
  // The light part, 16 x 48, grown to the shape of 64 x 48.
  EXPECT_EQ(asked.start->picture.width, 64);
  EXPECT_EQ(asked.mask->picture.width, asked.start->picture.width);
  const Image whole = overlay.lay(filled(64, 48, 200));
  EXPECT_EQ(whole.width, 64);
  EXPECT_EQ(level_at(whole, 40, 20), 100);
  EXPECT_EQ(level_at(whole, 50, 20), 200);
}

TEST(Overlay, RefusesAMaskThatIsDarkEverywhere) {
  try {
    const Overlay overlay(painting({.picture = filled(64, 48, 0), .only_masked = 8}), 8);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
  }
}

}  // namespace
}  // namespace sumi::test
