// Numbers of e4m3 as kernels have them, beside those of the definition.

#include <cmath>

#include <gtest/gtest.h>

#include "backend/cuda/e4m3.h"
#include "ops/rounding.h"

namespace sumi::cuda {
namespace {

TEST(CudaE4m3, HasTheBitsOfItsFormat) {
  for (int bits = 0; bits < 256; ++bits) {
    if ((bits & 0x7f) == 0x7f) continue;  // no number
    const f8_e4m3 x{static_cast<std::uint8_t>(bits)};
    const int exponent = bits >> 3 & 15, fraction = bits & 7;
    const double magnitude = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
    EXPECT_EQ(static_cast<float>(x), bits & 0x80 ? -magnitude : magnitude);
    EXPECT_EQ(to_e4m3(static_cast<float>(x)).bits, bits);
  }
}

TEST(CudaE4m3, RoundsAsTheDefinition) {
  for (float x = 0x1p-12f; x < 448; x *= 1.0003f) {
    for (const float value : {x, -x}) {
      float row[]{448, value};
      round_to(Rounding::fp8, row);
      ASSERT_EQ(static_cast<float>(to_e4m3(value)), row[1]) << value;
    }
  }
}

}  // namespace
}  // namespace sumi::cuda
