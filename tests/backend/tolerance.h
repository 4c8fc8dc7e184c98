#pragma once

// What the problems of all ops share: random inputs and the bounds of rounding.

#include "problem.h"

namespace sumi::test {

/// Half the distance from 1 to the next number: rounding changes x by at most unit * |x|.
inline double unit(DType type) { return type == DType::f32 ? 0x1p-24 : type == DType::bf16 ? 0x1p-8 : 0x1p-11; }
inline constexpr double unit32 = 0x1p-24;

/// Of storing y. A hundredth is for results that round twice, float32 first; the constant for what underflows.
inline double rounding(DType type, double y) {
  return 1.01 * unit(type) * std::abs(y) + (type == DType::f16 ? 0x1p-24 : 1e-37);
}

/// The slopes of all activations lie below this (quick_gelu's and gelu's reach 1.13).
inline constexpr double steepest = 1.15;

inline float square(float x) { return x * x; }
inline float magnitude(float x) { return std::abs(x); }

template <class Function>
Values mapped(Values values, Function function) {
  for (float& value : values) value = function(value);
  return values;
}

/// y's shape decides the length; `bound(i)` is the tolerance of element i.
template <class Function>
Values bounds(const Values& expected, Function bound) {
  Values values(expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(bound(i));
  return values;
}

inline Tensor normal(const Shape& shape, Random& random, Memory& memory, double mean = 0, double deviation = 1) {
  return memory.tensor(shape, random.normals(shape.elements(), mean, deviation));
}

}  // namespace sumi::test
