#include "ops/rounding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace sumi {
namespace {

float most_of(Rounding rounding) { return rounding == Rounding::int8 ? 127.0f : 448.0f; }

/// A sum that has no place for fractions is rounded as float32 rounds: to the nearest, ties to even.
float to_whole(float value) {
  constexpr float whole = 0x1.8p23f;
  return (value + whole) - whole;
}

/// Three bits of fraction down to exponents of -6, steps of 2^-9 below.
float to_e4m3(float value) {
  const int exponent = std::max(value == 0 ? -6 : std::ilogb(value), -6);
  return std::ldexp(to_whole(std::ldexp(value, 3 - exponent)), exponent - 3);
}

}  // namespace

std::string_view name_of(Rounding rounding) {
  switch (rounding) {
    case Rounding::int8: return "int8";
    case Rounding::fp8: return "fp8";
    default: return "";
  }
}

float round_to(Rounding rounding, std::span<float> values) {
  constexpr std::uint32_t infinity = 0x7f800000, magnitude = 0x7fffffff;
  // Magnitudes as whole numbers are in the same order, and those that are not finite come last.
  std::uint32_t most = 0;
  for (const float value : values) most = std::max(most, std::bit_cast<std::uint32_t>(value) & magnitude);
  const float largest = std::bit_cast<float>(most);
  if (most >= infinity || largest < least_rounded_magnitude) {
    std::fill(values.begin(), values.end(), 0.0f);
    return most >= infinity ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
  }
  const float scale = most_of(rounding) / largest;
  for (float& value : values) value = rounding == Rounding::int8 ? to_whole(value * scale) : to_e4m3(value * scale);
  return largest / most_of(rounding);
}

}  // namespace sumi
