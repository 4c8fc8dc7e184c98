#include <gtest/gtest.h>

#include "backend/cpu/cpu.h"
#include "pipelines/denoise.h"
#include "pipelines/session.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

/// What the reference made of the embedded model.
struct Golden {
  std::string prompt, file;
  std::uint64_t seed;
  int steps;
  double guidance;
};

Golden golden(std::size_t i) {
  const Json row = read_json(fixtures() / "golden" / "golden.json").at(i);
  return {row.at("prompt"), row.at("file"), row.at("seed"), row.at("steps"), row.at("guidance")};
}

Image make(const Golden& golden, DType type, Rounding rounding = Rounding::none) {
  const auto model = load_model({.name = (std::filesystem::path(SUMI_SOURCE_DIR) / "models/emoji").string()});
  const auto backend = make_cpu_backend();
  const Job job = settle(
      *model, {.prompt = golden.prompt, .steps = golden.steps, .guidance = golden.guidance, .seed = golden.seed});
  Session session(*backend, type, rounding);
  Pixels pixels;
  const auto body = [&](Context& ctx) { pixels = make_pictures(ctx, *model, job); };
  session.run(body);
  return to_image(pixels, 0);
}

int largest_step(const Image& a, const Image& b) {
  int most = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) most = std::max(most, std::abs(a.rgb[i] - b.rgb[i]));
  return most;
}

double psnr(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::pow(a.rgb[i] - b.rgb[i], 2);
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.rgb.size()) / std::max(sum, 1e-9));
}

class GoldenPicture : public testing::TestWithParam<std::size_t> {
 protected:
  Golden golden_ = golden(GetParam());
  Image expected_ = read_image(fixtures() / "golden" / golden_.file);

  void check_size(const Image& image) const {
    ASSERT_EQ(image.width, expected_.width);
    ASSERT_EQ(image.height, expected_.height);
    ASSERT_EQ(image.rgb.size(), expected_.rgb.size());
  }
};

TEST_P(GoldenPicture, Float32IsAtMostOneLevelOff) {
  const Image image = make(golden_, DType::f32);
  check_size(image);
  EXPECT_LE(largest_step(image, expected_), 1);
}

TEST_P(GoldenPicture, Bfloat16IsAbove40Decibels) {
  const Image image = make(golden_, DType::bf16);
  check_size(image);
  EXPECT_GT(psnr(image, expected_), 40);
}

TEST_P(GoldenPicture, Int8IsAbove30DecibelsAndIsInt8) {
  for (const DType type : {DType::f32, DType::bf16}) {
    const Image image = make(golden_, type, Rounding::int8);
    check_size(image);
    EXPECT_GT(psnr(image, expected_), 30) << name_of(type);
    EXPECT_GT(largest_step(image, expected_), 1) << name_of(type);
  }
}

INSTANTIATE_TEST_SUITE_P(Embedded, GoldenPicture, testing::Values(0, 1, 2, 3));

}  // namespace
}  // namespace sumi::test
