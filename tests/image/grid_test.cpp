#include "image/grid.h"

#include <gtest/gtest.h>

#include "image/area.h"
#include "image/mask.h"
#include "pictures.h"

namespace sumi {
namespace {

Image plain(int width, int height, std::uint8_t value) {
  return to_image({width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height), value)});
}

TEST(DrawText, LettersOfFiveBySeven) {
  Image image = plain(11, 7, 255);
  draw_text(image, "L1", 0, 0, 1);
  const std::vector<std::string> expected = {"#.......#..", "#......##..", "#.......#..", "#.......#..",
                                             "#.......#..", "#.......#..", "#####..###."};
  for (std::size_t y = 0; y < 7; ++y) {
    std::string row;
    for (std::size_t x = 0; x < 11; ++x) row += image.rgb[3 * (y * 11 + x)] ? '.' : '#';
    EXPECT_EQ(row, expected[y]);
  }
  EXPECT_EQ(text_width("L1", 1), 11);
  EXPECT_EQ(text_width("\u00e9\u8a9e", 3), 33) << "a box for each character";
  EXPECT_EQ(text_width("", 3), 0);
}

TEST(DrawText, StaysInside) {
  Image image = plain(7, 4, 255);
  draw_text(image, "WWWWWWWWWW", -3, -2, 2);
  EXPECT_EQ(image.rgb.size(), 3u * 28);
}

TEST(LabelledGrid, PutsPicturesAndLabelsInTheirPlaces) {
  const std::vector<Image> pictures = {plain(40, 30, 10), plain(40, 30, 20), plain(20, 10, 30)};
  const std::vector<std::string> columns = {"a", "b"}, rows = {"10", "20"};
  const Image grid = labelled_grid(pictures, columns, rows);
  // Left: "10" of 11 pixels and two gaps of 6. Above: 7 and two gaps.
  EXPECT_EQ(grid.width, 23 + 2 * 46);
  EXPECT_EQ(grid.height, 19 + 2 * 36);
  EXPECT_EQ(crop(grid, {23, 19, 40, 30}).rgb, pictures[0].rgb);
  EXPECT_EQ(crop(grid, {69, 19, 40, 30}).rgb, pictures[1].rgb);
  EXPECT_EQ(crop(grid, {33, 65, 20, 10}).rgb, pictures[2].rgb) << "in the middle of its place";
  EXPECT_EQ(crop(grid, {69, 55, 40, 30}).rgb, plain(40, 30, 255).rgb) << "white where none is";
  Image label = plain(5, 7, 255);
  draw_text(label, "b", 0, 0, 1);
  EXPECT_EQ(crop(grid, {69 + 17, 6, 5, 7}).rgb, label.rgb);
}

TEST(LabelledGrid, RefusesWhatHasNoPlace) {
  const std::vector<Image> pictures(3, plain(4, 4, 0));
  const std::vector<std::string> labels = {"a"};
  EXPECT_NE(test::error_of(ErrorCode::usage, [&] { labelled_grid(pictures, labels, labels); }).find("3 pictures"),
            std::string::npos);
}

}  // namespace
}  // namespace sumi
