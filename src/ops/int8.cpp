#include "ops/int8.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

namespace sumi {

float round_to_int8(std::span<float> values) {
  constexpr std::uint32_t infinity = 0x7f800000, magnitude = 0x7fffffff;
  // Magnitudes as whole numbers are in the same order, and those that are not finite come last.
  std::uint32_t most = 0;
  for (const float value : values) most = std::max(most, std::bit_cast<std::uint32_t>(value) & magnitude);
  const float largest = std::bit_cast<float>(most);
  if (most >= infinity || largest < least_int8_magnitude) {
    std::fill(values.begin(), values.end(), 0.0f);
    return most >= infinity ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
  }
  const float scale = 127.0f / largest;
  // The sum has no place for fractions and is rounded as float32 rounds: to the nearest, ties to even.
  constexpr float whole = 0x1.8p23f;
  for (float& value : values) value = (value * scale + whole) - whole;
  return largest / 127.0f;
}

}  // namespace sumi
