#include <gtest/gtest.h>

#include "pictures.h"

namespace sumi {
namespace {

TEST(HalfBlocks, TwoPixelsShareACharacter) {
  const Image image{.width = 2, .height = 2, .rgb = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, .text = {}};
  EXPECT_EQ(half_blocks(image, 80), "\x1b[38;2;1;2;3;48;2;7;8;9m\u2580\x1b[38;2;4;5;6;48;2;10;11;12m\u2580\x1b[0m\n");
}

TEST(HalfBlocks, AnOddLastRowHasNoLowerHalf) {
  const Image image{.width = 1, .height = 3, .rgb = {1, 1, 1, 2, 2, 2, 3, 3, 3}, .text = {}};
  EXPECT_EQ(half_blocks(image, 1), "\x1b[38;2;1;1;1;48;2;2;2;2m\u2580\x1b[0m\n\x1b[38;2;3;3;3m\u2580\x1b[0m\n");
}

TEST(HalfBlocks, EachPlaceIsTheMeanOfItsPixels) {
  Image image{.width = 4, .height = 4, .rgb = {}, .text = {}};
  for (int i = 0; i < 16; ++i) image.rgb.insert(image.rgb.end(), 3, static_cast<std::uint8_t>(10 * i));
  // Rows 0..1 and 2..3, columns 0..1 and 2..3: (0+10+40+50)/4, (80+90+120+130)/4, and so on.
  EXPECT_EQ(half_blocks(image, 2),
            "\x1b[38;2;25;25;25;48;2;105;105;105m\u2580\x1b[38;2;45;45;45;48;2;125;125;125m\u2580\x1b[0m\n");
}

TEST(HalfBlocks, FitsTheColumns) {
  const auto lines = [](const Image& image, int columns) {
    const std::string text = half_blocks(image, columns);
    int line = 0, blocks = 0, widest = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') ++line, blocks = 0;
      if (text.compare(i, 3, "\u2580") == 0) widest = std::max(widest, ++blocks);
    }
    return std::pair(widest, line);
  };
  EXPECT_EQ(lines(test::waves(512, 256), 64), std::pair(64, 16));
  EXPECT_EQ(lines(test::waves(7, 1), 80), std::pair(7, 1));
  EXPECT_EQ(lines(test::waves(1000, 1), 10), std::pair(10, 1));
  EXPECT_EQ(half_blocks(test::waves(4, 4), 0), "");
  EXPECT_EQ(half_blocks(Image{}, 10), "");
}

}  // namespace
}  // namespace sumi
