#pragma once

#include <bit>
#include <cstdint>
#include <cuda_runtime.h>

#include "core/float.h"

namespace sumi::cuda {

/// The nearest to x, ties to even; |x| is at most 448.
__host__ __device__ inline f8_e4m3 to_e4m3(float x) {
  const auto word = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = word >> 24 & 0x80u;
  std::uint32_t magnitude = word & 0x7fffffffu;
  if (magnitude < std::bit_cast<std::uint32_t>(0x1p-6f)) {
    constexpr float whole = 0x1.8p14f;  // whose last bit is 2^-9
    const float multiple = (std::bit_cast<float>(magnitude) + whole) - whole;
    return {static_cast<std::uint8_t>(sign | static_cast<std::uint32_t>(multiple * 0x1p9f))};
  }
  magnitude += 0x7ffffu + (magnitude >> 20 & 1u);
  return {static_cast<std::uint8_t>(sign | ((magnitude >> 20) - (120u << 3)))};  // exponents count from -7, not -127
}

}  // namespace sumi::cuda
