// Narrow floats, and what the language has for integers.

#include <algorithm>
#include <cmath>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <gtest/gtest.h>

#include "core/float.h"

namespace sumi::cuda {
namespace {

/// The value of a float's bits, told from its format.
double value_of(unsigned bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1, exponents = (1 << exponent_bits) - 1;
  const int exponent = static_cast<int>(bits >> mantissa_bits) & exponents;
  const auto mantissa = static_cast<double>(bits & ((1u << mantissa_bits) - 1));
  const double sign = bits & 0x8000u ? -1 : 1;
  if (exponent == exponents) return mantissa > 0 ? NAN : sign * INFINITY;
  const double one = std::ldexp(1.0, mantissa_bits);
  return sign * std::ldexp(exponent ? one + mantissa : mantissa, std::max(exponent, 1) - bias - mantissa_bits);
}

template <class Narrow, class Format>
void expect_conversions(int exponent_bits, int mantissa_bits) {
  for (unsigned bits = 0; bits < 0x10000u; ++bits) {
    const auto x = Narrow::of_bits(static_cast<std::uint16_t>(bits));
    Format same;
    same.bits = x.bits();
    const double value = value_of(bits, exponent_bits, mantissa_bits);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(float{x}) && std::isnan(static_cast<float>(same)) && Narrow(float{x}).bits() == 0x7fff);
      continue;
    }
    ASSERT_EQ(float{x}, value);
    ASSERT_EQ(float{x}, static_cast<float>(same));
    ASSERT_EQ(Narrow(float{x}).bits(), bits);
    // Half way to the next, where the even one is nearest, and beside it. Behind the last would be a power of 2.
    if ((bits & 0x7fffu) >= ((1u << exponent_bits) - 1) << mantissa_bits) continue;
    const double below = value_of(bits - (bits & 0x7fffu ? 1 : 0), exponent_bits, mantissa_bits);
    const double above = value_of(bits + 1, exponent_bits, mantissa_bits);
    const double next = std::isinf(above) ? value + (value - below) : above;
    const auto middle = static_cast<float>((value + next) / 2);
    ASSERT_EQ(Narrow(middle).bits(), bits % 2 ? bits + 1 : bits) << bits;
    ASSERT_EQ(Narrow(std::nextafter(middle, static_cast<float>(value))).bits(), bits);
    ASSERT_EQ(Narrow(std::nextafter(middle, static_cast<float>(next))).bits(), bits + 1);
  }
}

TEST(NarrowFloats, ConvertWithOneRounding) {
  static_assert(sizeof(__half) == 2 && sizeof(__half2) == 4 && alignof(__half2) == 4);
  static_assert(std::is_trivially_default_constructible_v<__half> && std::is_trivially_copyable_v<__half2>);
  expect_conversions<__half, f16>(5, 10);
  expect_conversions<__nv_bfloat16, bf16>(8, 7);
}

TEST(Language, Integers) {
  EXPECT_EQ(__clz(1), 31);
  EXPECT_EQ(__ffs(0), 0);
  EXPECT_EQ(__ffs(8), 4);
  EXPECT_EQ(__brev(1), 0x80000000u);
  EXPECT_EQ(__umulhi(0x80000000u, 6), 3u);
  EXPECT_EQ(__mulhi(-2, 0x40000000), -1);
  EXPECT_EQ(__byte_perm(0x33221100u, 0x77665544u, 0x7250u), 0x77225500u);
  EXPECT_EQ(__funnelshift_l(0x80000000u, 1, 1), 3u);
  EXPECT_EQ(__dp4a(0x01ff0280, 0x03050701, 10), 10 + 3 - 5 + 14 - 128);
}

}  // namespace
}  // namespace sumi::cuda
