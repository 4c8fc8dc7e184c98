#include <algorithm>

#include <gtest/gtest.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "image/stored.h"
#include "program.h"
#include "sumi/image.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

using Bytes = std::vector<std::byte>;
using Words = std::vector<std::string>;
constexpr int kSide = 64;

std::string model(const std::string& name) { return (fixtures() / "models" / name).string(); }

/// Colours that differ from pixel to pixel, with opacity from left to right where `channels` is 4.
std::vector<std::uint8_t> colours(int channels) {
  std::vector<std::uint8_t> values;
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const std::array<int, 4> pixel{4 * x, 4 * y, 2 * (x + y), x < kSide / 2 ? 0 : 255};
      for (int c = 0; c < channels; ++c)
        values.push_back(static_cast<std::uint8_t>(pixel[static_cast<std::size_t>(c)]));
    }
  }
  return values;
}

Image picture_of(std::vector<std::uint8_t> rgb) { return {.width = kSide, .height = kSide, .rgb = std::move(rgb)}; }

/// A file of a picture that moves: two frames.
Bytes animated_webp() {
  WebPAnimEncoderOptions options;
  WebPAnimEncoderOptionsInit(&options);
  WebPAnimEncoder* encoder = WebPAnimEncoderNew(kSide, kSide, &options);
  for (const int frame : {0, 1}) {
    std::vector<std::uint8_t> rgb = colours(3);
    if (frame == 1) std::reverse(rgb.begin(), rgb.end());
    WebPPicture picture;
    WebPPictureInit(&picture);
    picture.width = picture.height = kSide;
    picture.use_argb = 1;
    WebPPictureImportRGB(&picture, rgb.data(), 3 * kSide);
    WebPAnimEncoderAdd(encoder, &picture, 100 * frame, nullptr);
    WebPPictureFree(&picture);
  }
  WebPAnimEncoderAdd(encoder, nullptr, 200, nullptr);
  WebPData data;
  WebPDataInit(&data);
  WebPAnimEncoderAssemble(encoder, &data);
  const auto* begin = reinterpret_cast<const std::byte*>(data.bytes);
  Bytes out(begin, begin + data.size);
  WebPDataClear(&data);
  WebPAnimEncoderDelete(encoder);
  return out;
}

/// What the command makes of pictures that people have.
class Pictures : public testing::Test {
 protected:
  Pictures() { write_image(files_ / "plain.png", picture_of(colours(3))); }

  std::string file(const std::string& name) const { return (files_ / name).string(); }
  std::string write(const std::string& name, const Bytes& bytes) const {
    return files_.write(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}).string();
  }
  Ran generate(const ScratchFolder& folder, const Words& more) const {
    Words words{"generate", "a red apple, 3d", "-m", model("sd1"), "--steps", "2",  "--seed",
                "7",        "--threads",       "1",  "--dtype",    "f32",     "-o", "out.png"};
    words.insert(words.end(), more.begin(), more.end());
    return run(folder.path(), words);
  }
  /// What is made of that picture.
  Image made_of(const Words& more, const std::string& note = "") const {
    const ScratchFolder folder;
    const Ran ran = generate(folder, more);
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_NE(ran.err.find(note), std::string::npos) << ran.err;
    return ran.status == 0 ? read_image(folder / "out.png") : Image{};
  }
  /// Wherever a picture is asked for: one line that names the file and says `what`.
  void expect_refused(const std::string& picture, const std::string& what) const {
    const std::string control = model("controlnet-sd1") + "=";
    for (const Words& words : {Words{"--init", picture}, Words{"--init", file("plain.png"), "--mask", picture},
                               Words{"--control", control + picture}}) {
      const ScratchFolder folder;
      const Ran ran = generate(folder, words);
      expect_refusal(ran, 1, what, folder.path());
      EXPECT_NE(ran.err.find(picture), std::string::npos) << ran.err;
    }
  }

  ScratchFolder files_;
};

TEST_F(Pictures, SixteenBitsAreThePictureOfEight) {
  std::vector<std::uint8_t> rows;
  for (const std::uint8_t value : colours(3)) rows.insert(rows.end(), {value, value});  // 257 times the value
  const std::string deep = write(
      "deep.png",
      stored_png({.width = kSide, .height = kSide, .depth = 16, .colour_type = PNG_COLOR_TYPE_RGB, .rows = rows}));
  EXPECT_EQ(made_of({"--init", deep}).rgb, made_of({"--init", file("plain.png")}).rgb);
}

TEST_F(Pictures, WhatIsTransparentLiesOverWhite) {
  const std::string clear =
      write("clear.png",
            stored_png(
                {.width = kSide, .height = kSide, .depth = 8, .colour_type = PNG_COLOR_TYPE_RGBA, .rows = colours(4)}));
  Image over_white = picture_of(colours(3));
  for (std::size_t i = 0; i < over_white.rgb.size(); ++i) {
    if (i / 3 % kSide < kSide / 2) over_white.rgb[i] = 255;
  }
  write_image(files_ / "white.png", over_white);
  const Image made = made_of({"--init", clear});
  EXPECT_EQ(made.rgb, made_of({"--init", file("white.png")}).rgb);
  EXPECT_NE(made.rgb, made_of({"--init", file("plain.png")}).rgb);
}

TEST_F(Pictures, GreyOnesAndPhotographsWork) {
  const std::string grey = write("grey.jpg", stored_jpeg(JCS_GRAYSCALE, {100}));
  const Image made = made_of({"--init", grey, "-W", "64", "-H", "64"});
  EXPECT_EQ(made.width, kSide);
}

TEST_F(Pictures, CmykAndAnimationsAreRefused) {
  expect_refused(write("print.jpg", stored_jpeg(JCS_CMYK, {10, 20, 30, 40})), "convert it to RGB");
  expect_refused(write("moving.webp", animated_webp()), "give a single picture");
}

TEST_F(Pictures, DamagedOnesAreRefused) {
  const std::string png = read_text(files_ / "plain.png");
  expect_refused(files_.write("cut.png", png.substr(0, png.size() / 2)).string(), "damaged PNG");
  std::string changed = png;
  changed[png.size() / 2] ^= 0x55;
  expect_refused(files_.write("changed.png", changed).string(), "damaged PNG");
  for (const char* name : {"whole.jpg", "whole.webp"}) {
    write_image(files_ / name, picture_of(colours(3)));
    const std::string text = read_text(files_ / name), cut = std::string("cut-") + name;
    expect_refused(files_.write(cut, text.substr(0, text.size() / 2)).string(), "damaged");
  }
  expect_refused(files_.write("empty.png", "").string(), "not a PNG, JPEG or WebP picture");
  expect_refused(files_.write("text.png", "no picture").string(), "not a PNG, JPEG or WebP picture");
}

TEST_F(Pictures, AVeryWideOneNeedsASizeToBeMadeIn) {
  constexpr int kWide = 30000;
  const auto wide = [](int width) {
    return stored_png({.width = width,
                       .height = 8,
                       .depth = 8,
                       .colour_type = PNG_COLOR_TYPE_GRAY,
                       .rows = std::vector<std::uint8_t>(static_cast<std::size_t>(width) * 8, 90)});
  };
  const std::string most = write("most.png", wide(kWide));
  const ScratchFolder folder;
  expect_refusal(generate(folder, {"--init", most}), 1,
                 "width 30000 of the picture: more than 16384; give the size to make it in (-W and -H)", folder.path());
  EXPECT_EQ(made_of({"--init", most, "-W", "64", "-H", "64"}).width, kSide);
  expect_refused(write("more.png", wide(kWide + 1)), "30001 x 8 pixels is too large: at most 30000 a side");
}

TEST_F(Pictures, AMaskOfAnotherSizeIsResizedWithANote) {
  const auto right_half = [&](const std::string& name, int side) {
    Image mask{.width = side, .height = side};
    for (int i = 0; i < 3 * side * side; ++i) mask.rgb.push_back(i / 3 % side < side / 2 ? 0 : 255);
    write_image(files_ / name, mask);
    return file(name);
  };
  const Words init{"--init", file("plain.png"), "--mask"};
  const auto with = [&](const std::string& mask) { return Words{init[0], init[1], init[2], mask}; };
  const Image same = made_of(with(right_half("same.png", kSide)));
  const Image small = made_of(with(right_half("small.png", 32)),
                              "note: the mask of 32 x 32 pixels is resized to the picture's 64 x 64");
  EXPECT_EQ(small.rgb, same.rgb);
}

}  // namespace
}  // namespace sumi::test
