#include <random>
#include <zlib.h>

#include <gtest/gtest.h>

#include "image/codecs.h"
#include "image/exif.h"
#include "pictures.h"
#include "stored.h"

namespace sumi {
namespace {

using test::error_of;
using test::waves;

struct Format {
  const char* name;
  Bytes file;
};

std::vector<Format> formats() {
  Image image = waves(19, 13);
  image.text = {{"parameters", "a cat\nSteps: 20, Sampler: Euler, Seed: 1"}};
  return {{"png", encode_png(image)},
          {"jpeg", encode_jpeg(image, {})},
          {"webp", encode_webp(image, {})},
          {"lossless webp", encode_webp(image, {.lossless = true})}};
}

TEST(DamagedImage, EveryTruncationIsAnError) {
  for (const auto& [name, file] : formats()) {
    for (std::size_t length = 0; length < file.size(); ++length) {
      const auto start = std::span(file).first(length);
      EXPECT_THROW(read_image(start), Error) << name << " of " << file.size() << " bytes cut to " << length;
    }
  }
}

TEST(DamagedImage, ChangedBytesGiveAPictureOrAnError) {
  std::mt19937 random(1);
  for (const auto& [name, file] : formats()) {
    int errors = 0;
    for (int i = 0; i < 600; ++i) {
      Bytes changed = file;
      for (int change = 0; change < 1 + i % 3; ++change) {
        changed[random() % changed.size()] = static_cast<std::byte>(random());
      }
      try {
        const Image image = read_image(changed);
        ASSERT_EQ(image.rgb.size(), std::size_t{3} * static_cast<std::size_t>(image.width * image.height)) << name;
      } catch (const Error&) {
        ++errors;
      }
    }
    EXPECT_GT(errors, 0) << name;
  }
}

/// A PNG whose header claims another size.
Bytes png_claiming(std::uint32_t width, std::uint32_t height) {
  Bytes file = encode_png(waves(1, 1));
  const auto put = [&](std::size_t at, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) file[at + static_cast<std::size_t>(i)] = static_cast<std::byte>(value >> (24 - 8 * i));
  };
  put(16, width);
  put(20, height);
  put(29, static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(&file[12]), 17)));
  return file;
}

TEST(DamagedImage, SizesAreLimited) {
  const auto refused = [](std::uint32_t width, std::uint32_t height) {
    const Bytes file = png_claiming(width, height);
    return error_of(ErrorCode::unsupported, [&] { read_image(file); }).find("is too large") != std::string::npos;
  };
  EXPECT_TRUE(refused(30001, 1));
  EXPECT_TRUE(refused(1, 30001));
  EXPECT_TRUE(refused(30000, 30000));
  EXPECT_TRUE(refused(999999, 999999));
  EXPECT_THROW(read_image(png_claiming(0, 1)), Error);
  EXPECT_THROW(read_image(png_claiming(30000, 1)), Error) << "only one pixel is there";
}

TEST(DamagedImage, OtherFilesAreNamed) {
  const test::Folder folder;
  const auto message = [&](ErrorCode code) { return error_of(code, [&] { read_image(folder / "a.png"); }); };
  const std::string path = (folder / "a.png").string();
  EXPECT_NE(message(ErrorCode::not_found).find(path), std::string::npos);
  std::ofstream(folder / "a.png") << "GIF89a";
  EXPECT_EQ(message(ErrorCode::bad_file), path + ": not a PNG, JPEG or WebP picture");
  std::ofstream(folder / "a.png") << "";
  EXPECT_EQ(message(ErrorCode::bad_file), path + ": not a PNG, JPEG or WebP picture");
  std::ofstream(folder / "a.png") << "\x89PNG\r\n\x1a\n";
  EXPECT_EQ(message(ErrorCode::bad_file), path + ": damaged PNG: it ends too early");
  std::filesystem::remove(folder / "a.png");
  std::filesystem::create_directory(folder / "a.png");
  EXPECT_NE(message(ErrorCode::io).find(path), std::string::npos);
}

TEST(DamagedImage, ExifOfEveryLengthAndChange) {
  const std::string whole = exif_with_comment("Steps: 20");
  const auto parse = [](const std::string& text) { return parse_exif(std::as_bytes(std::span(text))); };
  ASSERT_EQ(parse(whole).user_comment, "Steps: 20");
  for (std::size_t length = 0; length < 44; ++length) {
    EXPECT_FALSE(parse(whole.substr(0, length)).user_comment) << length;
  }
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string changed = whole;
    for (int change = 0; change < 1 + i % 4; ++change) changed[random() % changed.size()] = static_cast<char>(random());
    const Exif exif = parse(changed);
    ASSERT_GE(exif.orientation, 1);
    ASSERT_LE(exif.orientation, 8);
  }
}

}  // namespace
}  // namespace sumi
