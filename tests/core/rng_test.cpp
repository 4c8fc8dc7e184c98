#include "core/rng.h"

#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace sumi::test {
namespace {

std::vector<float> draw(NoiseSource& noise, std::size_t count) {
  std::vector<float> values(count);
  noise.fill(values);
  return values;
}

TEST(Noise, OfTheCpuGeneratorKeepsTheSecondOfAPair) {
  // Five values use three pairs; the sixth waits, past a draw of whole blocks, for the next draw of fewer than sixteen.
  const auto noise = make_noise(Rng::cpu, 42), pairs = make_noise(Rng::cpu, 42);
  const auto six = draw(*pairs, 6);
  auto five = draw(*noise, 5);
  draw(*noise, 16);
  five.push_back(draw(*noise, 1).front());
  EXPECT_EQ(five, six);
}

TEST(Noise, OfTheCpuGeneratorDrawsTheLastBlockAnew) {
  // Seventeen values: sixteen, one more uniform, then a block of sixteen over the last ones.
  const auto noise = make_noise(Rng::cpu, 7), blocks = make_noise(Rng::cpu, 7);
  const auto seventeen = draw(*noise, 17), sixteen = draw(*blocks, 16);
  EXPECT_EQ(seventeen.front(), sixteen.front());
  for (std::size_t i = 1; i < 16; ++i) EXPECT_NE(seventeen[i], sixteen[i]) << i;
}

TEST(Noise, OfTheCpuGeneratorTakesTheLower32BitsOfASeed) {
  EXPECT_EQ(draw(*make_noise(Rng::cpu, 5), 20), draw(*make_noise(Rng::cpu, (1ull << 32) + 5), 20));
  EXPECT_NE(draw(*make_noise(Rng::philox, 5), 20), draw(*make_noise(Rng::philox, (1ull << 32) + 5), 20));
}

TEST(Noise, OfTheGpuGeneratorDoesNotDependOnTheSize) {
  const auto few = draw(*make_noise(Rng::philox, 42), 5), many = draw(*make_noise(Rng::philox, 42), 100);
  EXPECT_EQ(few, std::vector<float>(many.begin(), many.begin() + 5));
}

TEST(Noise, IsStandardNormal) {
  for (const Rng kind : {Rng::cpu, Rng::philox}) {
    constexpr std::size_t count = 1 << 20;
    double sum = 0, squares = 0, fourths = 0;
    for (const float value : draw(*make_noise(kind, 1), count)) {
      ASSERT_TRUE(std::isfinite(value));
      const double square = static_cast<double>(value) * static_cast<double>(value);
      sum += static_cast<double>(value), squares += square, fourths += square * square;
    }
    // Five standard errors: 1, sqrt(2) and sqrt(96) over sqrt(count).
    EXPECT_NEAR(sum / count, 0, 5.0 / 1024);
    EXPECT_NEAR(squares / count, 1, 7.1 / 1024);
    EXPECT_NEAR(fourths / count, 3, 49.0 / 1024);
  }
}

TEST(Noise, OfNothingDrawsNothing) {
  const auto noise = make_noise(Rng::cpu, 3), other = make_noise(Rng::cpu, 3);
  noise->fill({});
  EXPECT_EQ(draw(*noise, 20), draw(*other, 20));
}

TEST(RandomSeed, Differs) {
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 8; ++i) seeds.insert(random_seed());
  EXPECT_GT(seeds.size(), 6u);
}

}  // namespace
}  // namespace sumi::test
