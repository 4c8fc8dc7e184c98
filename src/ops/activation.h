#pragma once

#include <cstdint>
#include <string_view>

namespace sumi {

/// Elementwise functions that ops apply to their result.
enum class Activation : std::uint8_t {
  none,
  silu,        ///< x / (1 + exp(-x))
  gelu,        ///< x (1 + erf(x / sqrt 2)) / 2
  quick_gelu,  ///< x / (1 + exp(-1.702 x))
  relu,        ///< max(x, 0)
  leaky_relu,  ///< max(x, 0.2 x)
  tanh,
};

constexpr std::string_view name_of(Activation activation) {
  constexpr std::string_view names[] = {"none", "silu", "gelu", "quick_gelu", "relu", "leaky_relu", "tanh"};
  return names[static_cast<int>(activation)];
}

}  // namespace sumi
