#pragma once

#include <cstdint>
#include <vector>

namespace sumi {

/// Values in -1/2 to 1/2 that repeat after 1021, a prime: no two rows or channels are alike.
inline std::vector<float> values(std::int64_t count) {
  std::vector<float> made(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<float>(i % 1021) / 1021.0f - 0.5f;
  return made;
}

}  // namespace sumi
