// Rows of linears rounded to int8 and to e4m3, which are what other kernels must find.

#include "ops/rounding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace sumi::test {
namespace {

/// All that e4m3 has from 0 on, told from its format; 480 would be NaN.
std::vector<double> numbers_of_e4m3() {
  std::vector<double> numbers;
  for (int bits = 0; bits < 0x7f; ++bits) {
    const int exponent = bits >> 3, fraction = bits & 7;
    numbers.push_back(exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10));
  }
  return numbers;
}

/// Rounds beside 448, so that the step is 1.
float rounded(float value) {
  std::vector<float> row{448, value};
  EXPECT_EQ(round_to(Rounding::fp8, row), 1);
  return row[1];
}

TEST(Rounding, Fp8TakesTheNearestNumberAndTheEvenOfTwo) {
  const std::vector<double> numbers = numbers_of_e4m3();
  EXPECT_EQ(numbers.back(), 448);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto here = static_cast<float>(numbers[i]);
    EXPECT_EQ(rounded(here), here);
    EXPECT_EQ(rounded(-here), -here);
    if (i + 1 == numbers.size()) break;
    const auto next = static_cast<float>(numbers[i + 1]),
               middle = static_cast<float>((numbers[i] + numbers[i + 1]) / 2);
    EXPECT_EQ(rounded(middle), i % 2 == 0 ? here : next) << middle;
    EXPECT_EQ(rounded(std::nextafter(middle, 0.0f)), here);
    EXPECT_EQ(rounded(std::nextafter(middle, 448.0f)), next);
  }
}

TEST(Rounding, EachRowHasAStepOfItsOwn) {
  std::vector<float> row{-0x1p-20f, 0x1p-21f, 0};
  EXPECT_EQ(round_to(Rounding::fp8, row), 0x1p-20f / 448);
  EXPECT_EQ(row, (std::vector<float>{-448, 224, 0}));
  row = {-3, 1.5, 0};
  EXPECT_EQ(round_to(Rounding::int8, row), 3.0f / 127);
  EXPECT_EQ(row, (std::vector<float>{-127, 64, 0})) << "63.5 to the even one";
}

TEST(Rounding, OfNothingIsNothingAndOfWhatIsNotFiniteIsNone) {
  for (const Rounding rounding : {Rounding::int8, Rounding::fp8}) {
    std::vector<float> row{0x1p-101f, -0.0f};
    EXPECT_EQ(round_to(rounding, row), 0);
    EXPECT_EQ(row, (std::vector<float>{0, 0}));
    row = {1, std::numeric_limits<float>::infinity()};
    EXPECT_TRUE(std::isnan(round_to(rounding, row)));
    EXPECT_EQ(row, (std::vector<float>{0, 0}));
    row = {std::numeric_limits<float>::max(), 0};
    EXPECT_TRUE(std::isfinite(round_to(rounding, row)));
  }
}

}  // namespace
}  // namespace sumi::test
