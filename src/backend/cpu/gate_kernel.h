#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/gate_simd.h"
#include "backend/cpu/simd_math.h"

namespace sumi {
// Templates over the vector layer of one instruction set; internal linkage, as that layer has. T is float, or
// std::uint16_t for bf16.
namespace {

template <class V, class T>
void gate_by_gelu(const void* values, const void* gates, std::ptrdiff_t count, void* y) {
  const T *v = static_cast<const T*>(values), *g = static_cast<const T*>(gates);
  T* to = static_cast<T*>(y);
  std::ptrdiff_t i = 0;
  for (; i + V::lanes <= count; i += V::lanes) V::store(to + i, V::mul(V::load(v + i), gelu<V>(V::load(g + i))));
  if (const std::ptrdiff_t left = count - i) {
    V::store_first(to + i, V::mul(V::load_first(v + i, left), gelu<V>(V::load_first(g + i, left))), left);
  }
}

template <class V, class T>
constexpr GateKernel gate_kernel() {
  return {gate_by_gelu<V, T>};
}

}  // namespace
}  // namespace sumi
