#pragma once

namespace sumi {
// Templates over the vector layer of one instruction set; internal linkage, as that layer has.
namespace {

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

/// x / (1 + exp(-x)).
template <class V>
typename V::Reg silu(typename V::Reg x) {
  constexpr float log2_e = 1.44269504f;
  // Beyond 2^126 the quotient is 0 to float32 anyway, and the reciprocal stays a normal number.
  const auto t = V::min(V::set(126.0f), V::mul(x, V::set(-log2_e)));
  return V::mul(x, V::reciprocal(V::add(V::set(1.0f), exp2<V, 5>(t))));
}

}  // namespace
}  // namespace sumi
