// Float conversions: exhaustively from 16 and 8 bits, and rounding by its definition.

#include "core/float.h"

#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "core/dtype.h"
#include "core/isa.h"
#include "core/widen_simd.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

/// Of an IEEE-like format, from its fields.
double value_of(unsigned bits, int exponent_bits, int mantissa_bits) {
  const unsigned mantissa = bits & ((1u << mantissa_bits) - 1);
  const int exponent = static_cast<int>(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = bits >> (exponent_bits + mantissa_bits) & 1 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) {
    return mantissa ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp((1u << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
}

bool same(double a, double b) { return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b); }

template <class T>
T of_bits(unsigned bits) {
  T value;
  value.bits = static_cast<decltype(value.bits)>(bits);
  return value;
}

template <class T>
void every_16_bit_value(int exponent_bits, int mantissa_bits) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto value = static_cast<float>(of_bits<T>(bits));
    ASSERT_TRUE(same(value, value_of(bits, exponent_bits, mantissa_bits))) << bits;
    const T back(value);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(static_cast<float>(back))) << bits;
    } else {
      ASSERT_EQ(back.bits, bits);
    }
  }
}

TEST(Float, Bf16HoldsEveryValueExactly) { every_16_bit_value<bf16>(8, 7); }
TEST(Float, F16HoldsEveryValueExactly) { every_16_bit_value<f16>(5, 10); }

// Every value, at every place of a vector and from every odd address.
void expect_widened(void (*widen)(const void*, std::size_t, float*), const char* what) {
  std::vector<std::uint16_t> halves(65536 + 40);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  std::vector<std::byte> bytes(1);
  for (const std::byte each : std::as_bytes(std::span(halves))) bytes.push_back(each);
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{15},
                                  std::size_t{16}, std::size_t{31}, halves.size()}) {
    std::vector<float> wide(count + 1, 5.0f);
    widen(bytes.data() + 1, count, wide.data());
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_TRUE(same(wide[i], static_cast<float>(of_bits<f16>(halves[i])))) << what << ", " << i << " of " << count;
    }
    ASSERT_EQ(wide[count], 5.0f) << what << ", " << count;
  }
}

TEST(Float, F16IsWidenedAlikeByEveryInstructionSet) {
  expect_widened(
      [](const void* from, std::size_t count, float* to) {
        to_float(DType::f16, static_cast<const std::byte*>(from), {to, count});
      },
      "to_float");
#if defined(__x86_64__)
  if (processor_isa() >= Isa::avx2) expect_widened(avx2::widen_f16, "avx2");
  if (processor_isa() >= Isa::avx512) expect_widened(avx512::widen_f16, "avx512");
#elif defined(__aarch64__)
  if (processor_isa() >= Isa::neon) expect_widened(neon::widen_f16, "neon");
#endif
}

// GCC 12 has no _Float16 in C++ for Arm.
#if defined(__aarch64__)
using CompilersF16 = __fp16;
#else
using CompilersF16 = _Float16;
#endif

TEST(Float, F16AgreesWithTheCompiler) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto native = static_cast<float>(std::bit_cast<CompilersF16>(static_cast<std::uint16_t>(bits)));
    ASSERT_TRUE(same(static_cast<float>(of_bits<f16>(bits)), native)) << bits;
  }
  std::mt19937 random(1);
  for (int i = 0; i < 2000000; ++i) {
    const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isnan(x)) continue;
    ASSERT_EQ(f16(x).bits, std::bit_cast<std::uint16_t>(static_cast<CompilersF16>(x))) << x;
  }
}

/// Nearest, and of two equally near the one with an even last bit, by comparing distances to both neighbours. The
/// number that would follow the largest stands for infinity.
template <class T>
void expect_nearest_even(float x, int exponent_bits, int mantissa_bits) {
  const unsigned infinity = ((1u << exponent_bits) - 1) << mantissa_bits;
  const unsigned found = T(x).bits & 0x7fffu;
  ASSERT_EQ(T(x).bits >> 15, std::signbit(x) ? 1u : 0u) << x;
  ASSERT_LE(found, infinity) << x;
  const auto magnitude = [&](unsigned bits) {
    return bits == infinity ? 2 * value_of(infinity - 1, exponent_bits, mantissa_bits) -
                                  value_of(infinity - 2, exponent_bits, mantissa_bits)
                            : value_of(bits, exponent_bits, mantissa_bits);
  };
  const double exact = std::abs(static_cast<double>(x)), distance = std::abs(magnitude(found) - exact);
  const auto farther = [&](unsigned other) {
    const double its = std::abs(magnitude(other) - exact);
    return its > distance || (its == distance && found % 2 == 0);
  };
  ASSERT_TRUE(found == 0 || farther(found - 1)) << x;
  ASSERT_TRUE(found == infinity || farther(found + 1)) << x;
}

template <class T>
void round_many(int exponent_bits, int mantissa_bits) {
  std::mt19937 random(2);
  for (int i = 0; i < 300000; ++i) {
    const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isfinite(x)) expect_nearest_even<T>(x, exponent_bits, mantissa_bits);
  }
  // Every tie and its two neighbours.
  for (unsigned bits = 0; bits + 1 < ((1u << exponent_bits) - 1) << mantissa_bits; ++bits) {
    const double sum = value_of(bits, exponent_bits, mantissa_bits) + value_of(bits + 1, exponent_bits, mantissa_bits);
    const auto tie = static_cast<float>(sum / 2);
    for (const float x : {tie, std::nextafter(tie, 0.0f), std::nextafter(tie, INFINITY), -tie}) {
      expect_nearest_even<T>(x, exponent_bits, mantissa_bits);
    }
  }
}

TEST(Float, Bf16RoundsToNearestEven) { round_many<bf16>(8, 7); }
TEST(Float, F16RoundsToNearestEven) { round_many<f16>(5, 10); }

TEST(Float, OverflowsToInfinityAndKeepsNan) {
  EXPECT_EQ(f16(65519.996f).bits, 0x7bffu);
  EXPECT_EQ(f16(65520.0f).bits, 0x7c00u);
  EXPECT_EQ(f16(-INFINITY).bits, 0xfc00u);
  EXPECT_EQ(bf16(std::numeric_limits<float>::max()).bits, 0x7f80u);
  EXPECT_EQ(bf16(-INFINITY).bits, 0xff80u);
  // A NaN whose payload lies in the lower half alone must not become infinity.
  const auto nan = std::bit_cast<float>(0x7f800001u);
  EXPECT_TRUE(std::isnan(static_cast<float>(bf16(nan))));
  EXPECT_TRUE(std::isnan(static_cast<float>(f16(nan))));
}

TEST(Float, F8E4m3HasOneNanAndNoInfinity) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    const auto value = static_cast<float>(of_bits<f8_e4m3>(bits));
    if ((bits & 0x7f) == 0x7f) {
      EXPECT_TRUE(std::isnan(value));
      continue;
    }
    const int exponent = static_cast<int>(bits >> 3 & 15), mantissa = static_cast<int>(bits & 7);
    const double magnitude = exponent ? std::ldexp(8 + mantissa, exponent - 10) : std::ldexp(mantissa, -9);
    EXPECT_TRUE(same(value, bits & 0x80 ? -magnitude : magnitude)) << bits;
  }
  EXPECT_EQ(static_cast<float>(of_bits<f8_e4m3>(0x7e)), 448);
  EXPECT_EQ(static_cast<float>(of_bits<f8_e4m3>(0x38)), 1);
}

TEST(Float, F8E5m2IsTheUpperHalfOfF16) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    EXPECT_TRUE(same(static_cast<float>(of_bits<f8_e5m2>(bits)), value_of(bits, 5, 2))) << bits;
  }
  EXPECT_EQ(static_cast<float>(of_bits<f8_e5m2>(0x7b)), 57344);
}

template <class T>
void reads(DType type, std::vector<T> stored, const std::vector<float>& expected) {
  // One byte off, as tensors in a file may lie.
  std::vector<std::byte> bytes(1);
  for (const std::byte each : std::as_bytes(std::span(stored))) bytes.push_back(each);
  std::vector<float> values(stored.size());
  to_float(type, bytes.data() + 1, values);
  EXPECT_EQ(values, expected) << name_of(type);
  EXPECT_EQ(bytes_of(type), sizeof(T));
}

TEST(DType, ReadsEveryStoredType) {
  reads<float>(DType::f32, {1.5f, -2}, {1.5f, -2});
  reads<double>(DType::f64, {1.5, 1e-3}, {1.5f, 1e-3f});
  reads<bf16>(DType::bf16, {bf16(1.5f), bf16(-3)}, {1.5f, -3});
  reads<f16>(DType::f16, {f16(1.5f), f16(-3)}, {1.5f, -3});
  reads<std::uint8_t>(DType::f8_e4m3, {0x38, 0xb8}, {1, -1});
  reads<std::uint8_t>(DType::f8_e5m2, {0x3c, 0xbc}, {1, -1});
  reads<std::uint8_t>(DType::u8, {0, 255}, {0, 255});
  reads<std::uint8_t>(DType::boolean, {0, 1}, {0, 1});
  reads<std::int8_t>(DType::i8, {-128, 127}, {-128, 127});
  reads<std::int16_t>(DType::i16, {-32768, 5}, {-32768, 5});
  reads<std::int32_t>(DType::i32, {-7, 1 << 24}, {-7, 16777216});
  reads<std::int64_t>(DType::i64, {-7, std::int64_t{1} << 40}, {-7, 0x1p40f});
}

TEST(DType, WritesOnlyTheTypesThatAreComputedOn) {
  const std::vector<float> values{1.0f + 0x1p-9f, -2};
  std::array<std::uint16_t, 2> out{};
  from_float(values, DType::bf16, reinterpret_cast<std::byte*>(out.data()));
  EXPECT_EQ(out, (std::array<std::uint16_t, 2>{0x3f80, 0xc000}));
  from_float(values, DType::f16, reinterpret_cast<std::byte*>(out.data()));
  EXPECT_EQ(out, (std::array<std::uint16_t, 2>{0x3c02, 0xc000}));
  expect_error(ErrorCode::internal, "from_float: cannot round to f8_e4m3",
               [&] { from_float(values, DType::f8_e4m3, reinterpret_cast<std::byte*>(out.data())); });
}

}  // namespace
}  // namespace sumi::test
