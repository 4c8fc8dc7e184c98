#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "support/scratch.h"
#include "weights/checkpoint.h"
#include "weights/safetensors.h"

namespace sumi {
namespace {

struct Moments {
  double mean = 0, deviation = 0;
};

Moments moments_of(const std::vector<float>& values) {
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const float value : values) sum += static_cast<double>(value), squares += static_cast<double>(value) * value;
  return {sum / n, std::sqrt(squares / n - sum / n * sum / n)};
}

TEST(Synthetic, HasTheScalesOfATrainedModel) {
  const auto checkpoint = synthetic_checkpoint(DType::f32);
  // 184320 values of deviation s: the mean is within 4 s / sqrt(n) of its own, the deviation within 1 %.
  const auto conv = moments_of(read_all(*checkpoint->want("conv.weight", {64, 320, 3, 3})));
  const double expected = 1 / std::sqrt(320.0 * 9);
  EXPECT_NEAR(conv.mean, 0, 4 * expected / std::sqrt(184320.0));
  EXPECT_NEAR(conv.deviation, expected, 0.01 * expected);
  const auto norm = moments_of(read_all(*checkpoint->want("norm.weight", {4096})));
  EXPECT_NEAR(norm.mean, 1, 0.005);
  EXPECT_NEAR(norm.deviation, 0.1 / std::sqrt(3), 0.003);
  const auto bias = moments_of(read_all(*checkpoint->want("norm.bias", {4096})));
  EXPECT_NEAR(bias.mean, 0, 0.0025);
  EXPECT_NEAR(bias.deviation, 0.05 / std::sqrt(3), 0.0015);
}

TEST(Synthetic, ValuesDependOnSeedNameAndIndexAlone) {
  const Shape shape{1000, 300};
  const auto all = read_all(*synthetic_checkpoint(DType::f32, 1)->want("a.weight", shape));
  const auto again = synthetic_checkpoint(DType::f32, 1)->want("a.weight", shape);
  for (const std::int64_t first : {0, 1, 77'777, 299'000}) {
    std::vector<float> part(999);
    again->read(first, part);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + first)) << first;
  }
  EXPECT_NE(read_all(*synthetic_checkpoint(DType::f32, 2)->want("a.weight", shape)), all);
  EXPECT_NE(read_all(*synthetic_checkpoint(DType::f32, 1)->want("b.weight", shape)), all);
  // The generator has 2^32 states and float32 about 2^24 of these values: few of 300000 may coincide.
  EXPECT_GT(std::set<float>(all.begin(), all.end()).size(), 290'000u);
}

TEST(Synthetic, DoesNotRepeatAfterFourBillionElements) {
  const auto source = synthetic_checkpoint(DType::f32)->want("huge.weight", {1 << 20, 8192});
  std::vector<float> low(1000), high(1000);
  source->read(5, low);
  source->read((std::int64_t{1} << 32) + 5, high);
  EXPECT_NE(low, high);
}

TEST(Synthetic, WrittenOutItReadsTheSame) {
  const test::ScratchFolder folder;
  for (const DType type : {DType::bf16, DType::f16, DType::f32}) {
    const auto checkpoint = synthetic_checkpoint(type, 3);
    checkpoint->want("a.weight", {7, 65, 3, 3});
    checkpoint->want("a.bias", {7});
    EXPECT_EQ(checkpoint->want("a.bias", {8})->shape(), Shape{7}) << "a name has one shape";
    write_safetensors(folder / "x", checkpoint->tensors());
    const auto back = read_safetensors(folder / "x");
    ASSERT_EQ(back.size(), 2u);
    for (const auto& [name, source] : checkpoint->tensors()) {
      EXPECT_EQ(back.at(name)->stored(), type);
      EXPECT_EQ(read_all(*back.at(name)), read_all(*source)) << name_of(type) << name;
    }
  }
  test::expect_error(ErrorCode::usage, "not i32", [] { synthetic_checkpoint(DType::i32); });
}

}  // namespace
}  // namespace sumi
