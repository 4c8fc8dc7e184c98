#pragma once

#include <cstdint>
#include <numbers>

namespace sumi {

/// A draw of a generator that counts (Philox4x32-10; Salmon et al., 2011): its value of a number depends on these and
/// on the number alone.
struct PhiloxDraw {
  std::uint64_t seed = 0;
  std::uint32_t offset = 0;  ///< draws before it
};

/// What becomes a normal value (Box and Muller, 1958): sqrt(-2 ln(uniform)) * sin(angle).
struct PhiloxPoint {
  float uniform;  ///< (0, 1]
  float angle;    ///< (0, 2 pi]
};

/// Also for device code, which may call constexpr functions. Two of the four words that a counter gives are used.
constexpr PhiloxPoint philox(const PhiloxDraw& draw, std::uint64_t number) {
  std::uint32_t c0 = draw.offset, c1 = 0;
  std::uint32_t c2 = static_cast<std::uint32_t>(number), c3 = static_cast<std::uint32_t>(number >> 32);
  std::uint32_t key0 = static_cast<std::uint32_t>(draw.seed), key1 = static_cast<std::uint32_t>(draw.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{c0} * 0xD2511F53u, b = std::uint64_t{c2} * 0xCD9E8D57u;
    c0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ key0;
    c1 = static_cast<std::uint32_t>(b);
    c2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ key1;
    c3 = static_cast<std::uint32_t>(a);
    key0 += 0x9E3779B9u;  // the golden ratio and the square root of 3, minus 1
    key1 += 0xBB67AE85u;
  }
  // In the middle of each of 2^32 parts.
  constexpr float unit = 0x1p-32f, turn = unit * 2 * std::numbers::pi_v<float>;
  return {static_cast<float>(c0) * unit + unit / 2, static_cast<float>(c1) * turn + turn / 2};
}

}  // namespace sumi
