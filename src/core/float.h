#pragma once

#include <bit>
#include <cstdint>

namespace sumi {

/// The upper half of a float32: its range with 8 bits of precision. Rounds to nearest, ties to even.
struct bf16 {
  std::uint16_t bits = 0;

  bf16() = default;
  explicit bf16(float value) {
    const auto u = std::bit_cast<std::uint32_t>(value);
    const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
    bits = static_cast<std::uint16_t>(nan ? (u >> 16) | 0x40u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
  bool operator==(const bf16&) const = default;
};

/// IEEE 754 binary16.
struct f16 {
  std::uint16_t bits = 0;

  f16() = default;
  explicit f16(float value) {
    const auto u = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (u >> 16) & 0x8000u, magnitude = u & 0x7fffffffu;
    std::uint32_t half;
    if (magnitude > 0x7f800000u) {
      half = 0x7e00u;
    } else if (magnitude >= 0x477ff000u) {  // 65520 and above round to infinity
      half = 0x7c00u;
    } else if (magnitude >= 0x38800000u) {  // normal: rebias the exponent by 15 - 127, round at bit 13
      half = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    } else {  // subnormal: adding 0.5 lines the last kept bit up with the last bit of the float
      half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
    }
    bits = static_cast<std::uint16_t>(sign | half);
  }
  explicit operator float() const {
    const std::uint32_t sign = (bits & 0x8000u) << 16, magnitude = bits & 0x7fffu;
    if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
    if (magnitude >= 0x400u) return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000u));
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return sign ? -value : value;
  }
  bool operator==(const f16&) const = default;
};

/// 8-bit floats of the OCP specification: e4m3 has no infinity and one NaN pattern, e5m2 is the upper half of binary16.
struct f8_e4m3 {
  std::uint8_t bits = 0;
  constexpr explicit operator float() const {
    const int exponent = (bits >> 3) & 15, mantissa = bits & 7;
    if (exponent == 15 && mantissa == 7) return std::bit_cast<float>(0x7fc00000u);
    const float value = exponent ? static_cast<float>(8 + mantissa) * std::bit_cast<float>((exponent + 117u) << 23)
                                 : static_cast<float>(mantissa) * 0x1p-9f;
    return bits & 0x80 ? -value : value;
  }
};
struct f8_e5m2 {
  std::uint8_t bits = 0;
  explicit operator float() const {
    f16 wide;
    wide.bits = static_cast<std::uint16_t>(bits << 8);
    return static_cast<float>(wide);
  }
};

}  // namespace sumi
