#include <gtest/gtest.h>
#include <webp/encode.h>

#include "image/codecs.h"
#include "image/encoding.h"
#include "image/pixels.h"
#include "pictures.h"
#include "stored.h"

namespace sumi {
namespace {

using namespace std::string_literals;
using test::stored_jpeg;
using test::stored_png;
using Rgb = std::vector<std::uint8_t>;

TEST(ReadImage, GreyBecomesColour) {
  const auto png =
      stored_png({.width = 2, .height = 1, .depth = 8, .colour_type = PNG_COLOR_TYPE_GRAY, .rows = {7, 200}});
  EXPECT_EQ(read_image(png).rgb, (Rgb{7, 7, 7, 200, 200, 200}));
  const Image jpeg = read_image(stored_jpeg(JCS_GRAYSCALE, {100}));
  EXPECT_EQ(jpeg.rgb, Rgb(3 * 64, 100));
}

TEST(ReadImage, OneBitGreyBecomesBlackAndWhite) {
  const auto png =
      stored_png({.width = 3, .height = 1, .depth = 1, .colour_type = PNG_COLOR_TYPE_GRAY, .rows = {0xA0}});
  EXPECT_EQ(read_image(png).rgb, (Rgb{255, 255, 255, 0, 0, 0, 255, 255, 255}));
}

TEST(ReadImage, PaletteWithTransparentEntry) {
  const auto palette = [](png_structp png, png_infop info) {
    const png_color colours[] = {{10, 20, 30}, {40, 50, 60}};
    png_set_PLTE(png, info, colours, 2);
    const png_byte opacity[] = {255, 0};
    png_set_tRNS(png, info, opacity, 2, nullptr);
  };
  const auto png = stored_png(
      {.width = 2, .height = 1, .depth = 8, .colour_type = PNG_COLOR_TYPE_PALETTE, .rows = {0, 1}, .extra = palette});
  EXPECT_EQ(read_image(png).rgb, (Rgb{10, 20, 30, 255, 255, 255}));
}

TEST(ReadImage, SixteenBitsAreRoundedToEight) {
  // 0x0180 = 384 of 65535 is 1.494 of 255; 0x0181 is 1.498, 0x0182 is 1.502.
  const auto png = stored_png({.width = 1,
                               .height = 1,
                               .depth = 16,
                               .colour_type = PNG_COLOR_TYPE_RGB,
                               .rows = {0x01, 0x80, 0x01, 0x82, 0xFF, 0xFF}});
  EXPECT_EQ(read_image(png).rgb, (Rgb{1, 2, 255}));
}

TEST(ReadImage, OpacityLiesOverWhite) {
  const Rgb rgba = {100, 0, 200, 255, 100, 0, 200, 0, 100, 0, 200, 128};
  // 128/255 of the colour and 127/255 of white: 177.2, 127, 227.4.
  const Rgb expected = {100, 0, 200, 255, 255, 255, 177, 127, 227};
  for (const int interlace : {PNG_INTERLACE_NONE, PNG_INTERLACE_ADAM7}) {
    const auto png = stored_png({.width = 3,
                                 .height = 1,
                                 .depth = 8,
                                 .colour_type = PNG_COLOR_TYPE_RGBA,
                                 .rows = rgba,
                                 .interlace = interlace});
    EXPECT_EQ(read_image(png).rgb, expected);
  }
  std::uint8_t* data = nullptr;
  const std::size_t size = WebPEncodeLosslessRGBA(rgba.data(), 3, 1, 12, &data);
  ASSERT_GT(size, 0u);
  EXPECT_EQ(read_image(std::as_bytes(std::span(data, size))).rgb, expected);
  WebPFree(data);
}

TEST(ReadImage, InterlacedEqualsPlain) {
  const Image image = test::waves(37, 23);
  const auto png = stored_png({.width = 37,
                               .height = 23,
                               .depth = 8,
                               .colour_type = PNG_COLOR_TYPE_RGB,
                               .rows = image.rgb,
                               .interlace = PNG_INTERLACE_ADAM7});
  EXPECT_EQ(read_image(png).rgb, image.rgb);
}

TEST(ReadImage, CmykIsRefused) {
  const auto jpeg = stored_jpeg(JCS_CMYK, {10, 20, 30, 40});
  EXPECT_NE(test::error_of(ErrorCode::unsupported, [&] { read_image(jpeg); }).find("CMYK"), std::string::npos);
}

/// A TIFF with an orientation, or with a UserComment of `comment`.
std::string little_endian_exif(char orientation) {
  std::string exif = "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"s;
  exif += orientation;
  return exif + "\0\0\0\0\0\0\0"s;
}
std::string little_endian_comment(const std::string& comment) {
  return "II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x1A\0\0\0\0\0\0\0"s + "\x01\0\x86\x92\x07\0"s +
         static_cast<char>(comment.size()) + "\0\0\0\x2C\0\0\0\0\0\0\0"s + comment;
}

TEST(ReadImage, TurnsUprightAsExifAsks) {
  // Stored as      Upright by orientation, from the table of Exif 2.3, 4.6.4 A.
  //   1 2
  //   3 4
  //   5 6
  const Rgb stored = {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6};
  const std::vector<std::vector<int>> expected = {{},
                                                  {1, 2, 3, 4, 5, 6},
                                                  {2, 1, 4, 3, 6, 5},
                                                  {6, 5, 4, 3, 2, 1},
                                                  {5, 6, 3, 4, 1, 2},
                                                  {1, 3, 5, 2, 4, 6},
                                                  {5, 3, 1, 6, 4, 2},
                                                  {6, 4, 2, 5, 3, 1},
                                                  {2, 4, 6, 1, 3, 5}};
  for (char orientation = 1; orientation <= 8; ++orientation) {
    std::string exif = little_endian_exif(orientation);
    const auto add = [&](png_structp png, png_infop info) {
      png_set_eXIf_1(png, info, static_cast<png_uint_32>(exif.size()), reinterpret_cast<png_bytep>(exif.data()));
    };
    const Image image = read_image(stored_png(
        {.width = 2, .height = 3, .depth = 8, .colour_type = PNG_COLOR_TYPE_RGB, .rows = stored, .extra = add}));
    EXPECT_EQ(image.width, orientation >= 5 ? 3 : 2);
    EXPECT_EQ(image.height, orientation >= 5 ? 2 : 3);
    std::vector<int> reds;
    for (std::size_t i = 0; i < image.rgb.size(); i += 3) reds.push_back(image.rgb[i]);
    EXPECT_EQ(reds, expected[static_cast<std::size_t>(orientation)]) << int{orientation};
  }
}

TEST(ReadImage, JpegOrientationIsApplied) {
  Image image = test::waves(16, 8);
  const Bytes plain = encode_jpeg(image, {});
  const auto turned = test::with_segment(plain, 0xE1, "Exif\0\0"s + little_endian_exif(6));
  const Image read = read_image(turned);
  EXPECT_EQ(read.width, 8);
  EXPECT_EQ(read.rgb, upright(read_image(plain), 6).rgb);
}

TEST(ReadImage, UserCommentInEveryEncoding) {
  const Bytes jpeg = encode_jpeg(test::waves(8, 8), {});
  const std::string text = "Steps: 20, \u00e9\u8a9e";
  const std::string comments[] = {
      "UNICODE\0"s + utf8_to_utf16(text, ByteOrder::little),
      "UNICODE\0"s + utf8_to_utf16(text, ByteOrder::big),
      "ASCII\0\0\0"s + text,
      "\0\0\0\0\0\0\0\0"s + text + "\0\0"s,
      text,
  };
  for (const std::string& comment : comments) {
    const Image read = read_image(test::with_segment(jpeg, 0xE1, "Exif\0\0"s + little_endian_comment(comment)));
    ASSERT_EQ(read.text.size(), 1u);
    EXPECT_EQ(read.text[0].first, "parameters");
    EXPECT_EQ(read.text[0].second, text);
  }
}

TEST(ReadImage, JpegComment) {
  const Image read = read_image(test::with_segment(encode_jpeg(test::waves(8, 8), {}), 0xFE, "caf\xe9"));
  ASSERT_EQ(read.text.size(), 1u);
  EXPECT_EQ(read.text[0], std::pair("comment"s, "caf\u00e9"s));
}

TEST(ReadImage, TheNameDoesNotMatter) {
  const test::Folder folder;
  write_image(folder / "a.png", test::waves(5, 5));
  std::filesystem::rename(folder / "a.png", folder / "a.jpg");
  EXPECT_EQ(read_image(folder / "a.jpg").rgb, test::waves(5, 5).rgb);
}

}  // namespace
}  // namespace sumi
