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
  for (std::ptrdiff_t i = 0; i < count; i += V::lanes) {
    const std::ptrdiff_t left = count - i;
    store<V>(to + i, V::mul(load<V>(v + i, left), gelu<V>(load<V>(g + i, left))), left);
  }
}

template <class V, class T>
constexpr GateKernel gate_kernel() {
  return {gate_by_gelu<V, T>};
}

}  // namespace
}  // namespace sumi
