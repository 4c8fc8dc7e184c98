#include <gtest/gtest.h>

#include "image/codecs.h"
#include "pictures.h"

namespace sumi {
namespace {

using test::Folder;
using test::psnr;
using test::waves;

constexpr std::pair<int, int> kSizes[] = {{1, 1}, {1, 7}, {9, 1}, {17, 33}, {128, 128}, {255, 64}};

TEST(WriteImage, PngIsExactAtEverySize) {
  const Folder folder;
  for (const auto& [width, height] : kSizes) {
    const Image image = waves(width, height);
    write_image(folder / "a.png", image);
    const Image read = read_image(folder / "a.png");
    EXPECT_EQ(read.width, width);
    EXPECT_EQ(read.height, height);
    EXPECT_EQ(read.rgb, image.rgb) << width << " x " << height;
  }
  EXPECT_EQ(folder.files(), 1u);
}

TEST(WriteImage, LosslessWebpIsExactAtEverySize) {
  const Folder folder;
  for (const auto& [width, height] : kSizes) {
    const Image image = waves(width, height);
    write_image(folder / "a.webp", image, {.lossless = true});
    EXPECT_EQ(read_image(folder / "a.webp").rgb, image.rgb) << width << " x " << height;
  }
}

TEST(WriteImage, LossyFormatsStayCloseAndFollowQuality) {
  const Folder folder;
  for (const char* name : {"a.jpg", "a.jpeg", "a.JPG", "a.webp"}) {
    const Image image = waves(129, 67);
    write_image(folder / name, image);
    EXPECT_GT(psnr(read_image(folder / name), image), 40) << name;
    const auto size = std::filesystem::file_size(folder / name);
    write_image(folder / name, image, {.quality = 20});
    EXPECT_LT(std::filesystem::file_size(folder / name), size) << name;
    EXPECT_GT(psnr(read_image(folder / name), image), 25) << name;
  }
  write_image(folder / "one.jpg", waves(1, 1));
  EXPECT_EQ(read_image(folder / "one.jpg").width, 1);
}

TEST(WriteImage, JpegKeepsTheColoursOfSinglePixels) {
  // Red and blue alternate: with halved chroma they would all be purple, at about 11 dB.
  Image image{.width = 64, .height = 64, .rgb = {}, .text = {}};
  for (int i = 0; i < 64 * 64; ++i) {
    const bool red = (i + i / 64) % 2 == 0;
    for (const int value : {red ? 220 : 20, 20, red ? 20 : 220}) image.rgb.push_back(static_cast<std::uint8_t>(value));
  }
  const Folder folder;
  write_image(folder / "a.jpg", image);
  EXPECT_GT(psnr(read_image(folder / "a.jpg"), image), 25);
}

const std::string kParameters = "a red apple, 3d\nNegative prompt: blurry\nSteps: 20, Sampler: Euler, Seed: 1";
const std::string kUnicodeParameters = "ein \u00e4pfel, \u8a9e \U0001F34E\nSteps: 20, Sampler: Euler, Seed: 1";

TEST(WriteImage, PngKeepsEveryText) {
  const Folder folder;
  Image image = waves(8, 8);
  image.text = {{"parameters", kParameters}, {"Title", "caf\u00e9"}, {"Comment", kUnicodeParameters}, {"Empty", ""}};
  write_image(folder / "a.png", image);
  EXPECT_EQ(read_image(folder / "a.png").text, image.text);
}

TEST(WriteImage, PngTextIsInternationalOnlyWhereLatin1DoesNotDo) {
  Image image = waves(8, 8);
  const auto chunks = [&](const std::string& text) {
    image.text = {{"parameters", text}};
    const Bytes bytes = encode_png(image);
    const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return std::pair(file.find("tEXtparameters") != file.npos, file.find("iTXtparameters") != file.npos);
  };
  EXPECT_EQ(chunks("caf\u00e9"), std::pair(true, false));
  EXPECT_EQ(chunks("\u8a9e"), std::pair(false, true));
}

TEST(WriteImage, JpegAndWebpKeepTheParameters) {
  const Folder folder;
  for (const char* name : {"a.jpg", "a.webp"}) {
    for (const std::string& text : {kParameters, kUnicodeParameters}) {
      Image image = waves(8, 8);
      image.text = {{"Title", "left out"}, {"parameters", text}};
      write_image(folder / name, image);
      const Image read = read_image(folder / name);
      ASSERT_EQ(read.text.size(), 1u) << name;
      EXPECT_EQ(read.text[0], std::pair(std::string("parameters"), text)) << name;
      EXPECT_GT(psnr(read, image), 35) << name;
    }
  }
}

TEST(WriteImage, JpegSettingsAreBigEndianUnicodeInExif) {
  Image image = waves(8, 8);
  image.text = {{"parameters", "A\u00e9"}};
  const Bytes bytes = encode_jpeg(image, {});
  const std::string file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  using namespace std::string_literals;
  EXPECT_NE(file.find("Exif\0\0MM\0*"s), file.npos);
  EXPECT_NE(file.find("UNICODE\0\0A\0\xe9"s), file.npos);
}

TEST(WriteImage, RefusesWhatAFormatCannotHold) {
  const Folder folder;
  const auto write = [&](const char* name, const Image& image, ImageOptions options = {}) {
    return test::error_of(ErrorCode::usage, [&] { write_image(folder / name, image, options); });
  };
  const Image image = waves(4, 4);
  EXPECT_NE(write("a.gif", image).find(".png, .jpg or .webp"), std::string::npos);
  EXPECT_NE(write("a", image).find(".png, .jpg or .webp"), std::string::npos);
  EXPECT_EQ(write("a.jpg", image, {.quality = 0}), "quality 0 is not in 1..100");
  EXPECT_NE(write("a.png", Image{}).find("nothing to write"), std::string::npos);
  EXPECT_EQ(write("a.webp", waves(16384, 1)), "a WebP has at most 16383 pixels a side, the picture has 16384 x 1");
  EXPECT_EQ(write("a.jpg", waves(1, 65501)), "a JPEG has at most 65500 pixels a side, the picture has 1 x 65501");

  Image texts = image;
  texts.text = {{"parameters", std::string(40000, 'a')}};
  EXPECT_NE(write("a.jpg", texts).find("write a .png"), std::string::npos);
  texts.text = {{"parameters", "\xff\xfe"}};
  EXPECT_NE(write("a.png", texts).find("UTF-8"), std::string::npos);
  texts.text = {{"parameters", std::string("a\0b", 3)}};
  EXPECT_NE(write("a.png", texts).find("zero bytes"), std::string::npos);
  texts.text = {{std::string(80, 'k'), "v"}};
  EXPECT_NE(write("a.png", texts).find("1 to 79"), std::string::npos);

  Image short_of_rows = image;
  short_of_rows.rgb.pop_back();
  EXPECT_THROW(write_image(folder / "a.png", short_of_rows), Error);
  EXPECT_EQ(folder.files(), 0u);
}

}  // namespace
}  // namespace sumi
