#pragma once

#include "backend/cuda/values.cuh"

namespace sumi::cuda {

/// What copies move at a time.
template <int bytes>
using Word = Pack<std::uint16_t, bytes / 2>;

/// Calls `body` with the bytes of a word, as a constant, that divides all of these sizes and addresses: 16, 4 or 2.
template <class Body, class... Numbers>
void with_word(Body&& body, Numbers... numbers) {
  const std::uintptr_t bits = (static_cast<std::uintptr_t>(numbers) | ...);
  if (bits % 16 == 0) return body(std::integral_constant<int, 16>{});
  if (bits % 4 == 0) return body(std::integral_constant<int, 4>{});
  body(std::integral_constant<int, 2>{});
}

inline std::uintptr_t address(const Tensor& tensor) { return reinterpret_cast<std::uintptr_t>(tensor.raw()); }

}  // namespace sumi::cuda
