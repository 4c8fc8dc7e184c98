#pragma once

#include <cstddef>

namespace sumi {
// Templates over the vector layer of one instruction set; internal linkage, as that layer has.
namespace {

constexpr std::ptrdiff_t least(std::ptrdiff_t a, std::ptrdiff_t b) { return a < b ? a : b; }

constexpr float exp2_degree3[] = {0.999928057f, 0.693260968f, 0.242611125f, 0.0551716685f};
constexpr float exp2_degree5[] = {1.00000012f,   0.693146944f,   0.240221202f,
                                  0.0555071309f, 0.00967554096f, 0.00132764725f};

/// 2^t for t up to 126; 0 or about 2^-125 where it is less than that. With n the integer nearest to t and f = t - n in
/// [-1/2, 1/2], 2^f is a polynomial of least relative error (Remez): 7.5e-5 for degree 3, 7.5e-8 for degree 5 (2.1e-7
/// with the rounding of its evaluation).
template <class V, int degree>
typename V::Reg exp2(typename V::Reg t) {
  static_assert(degree == 3 || degree == 5);
  constexpr const float* coefficients = degree == 3 ? exp2_degree3 : exp2_degree5;
  const auto n = V::round_to_integer(t);
  const auto f = V::sub(t, n);
  auto power = V::set(coefficients[degree]);
#pragma GCC unroll 5
  for (int i = degree - 1; i >= 0; --i) power = V::fma(power, f, V::set(coefficients[i]));
  return V::scale_by_power(power, n);
}

/// A vector, or its first elements where fewer are left, and zeros.
template <class V, class T>
typename V::Reg load(const T* from, std::ptrdiff_t left) {
  return left >= V::lanes ? V::load(from) : V::load_first(from, left);
}
/// A vector, or its first elements where fewer are left.
template <class V, class T>
void store(T* to, typename V::Reg x, std::ptrdiff_t left) {
  if (left >= V::lanes) {
    V::store(to, x);
  } else {
    V::store_first(to, x, left);
  }
}

/// x / (1 + exp(-x)).
template <class V>
typename V::Reg silu(typename V::Reg x) {
  constexpr float log2_e = 1.44269504f;
  // Beyond 2^126 the quotient is 0 to float32 anyway, and the reciprocal stays a normal number.
  const auto t = V::min(V::set(126.0f), V::mul(x, V::set(-log2_e)));
  return V::mul(x, V::reciprocal(V::add(V::set(1.0f), exp2<V, 5>(t))));
}

/// x (1 + erf(x / sqrt 2)) / 2, with erfc by the rational approximation of Abramowitz and Stegun, 7.1.26: off by 1.5e-7
/// at most, so the result by 1e-7 of x.
template <class V>
typename V::Reg gelu(typename V::Reg x) {
  constexpr float log2_e = 1.44269504f;
  constexpr float coefficients[] = {0.254829592f, -0.284496736f, 1.421413741f, -1.453152027f, 1.061405429f};
  const auto z = V::mul(V::max(x, V::sub(V::zero(), x)), V::set(0.707106781f));
  const auto t = V::reciprocal(V::fma(z, V::set(0.3275911f), V::set(1.0f)));
  auto sum = V::set(coefficients[4]);
#pragma GCC unroll 4
  for (int i = 3; i >= 0; --i) sum = V::fma(sum, t, V::set(coefficients[i]));
  // Below 2^-100 it is nothing beside 1, and numbers below 2^-126 take the processor a hundred cycles.
  const auto power = V::max(V::set(-100.0f), V::mul(V::mul(z, z), V::set(-log2_e)));
  const auto tail = V::mul(V::mul(sum, t), exp2<V, 5>(power));
  return V::mul(V::mul(x, V::set(0.5f)), V::where_negative(x, tail, V::sub(V::set(2.0f), tail)));
}

}  // namespace
}  // namespace sumi
