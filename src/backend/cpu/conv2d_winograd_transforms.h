#pragma once

#include "backend/cpu/simd_math.h"

// One line of each transform of Winograd's convolution, over the vector layer V of one instruction set.
//
// Some results y of three taps g on two inputs d more (Winograd, 1980; Lavin and Gray, 2016) are the coefficients of a
// product of polynomials, transposed: with M(x) the product of x - p over the points p, and infinity as the last point,
//   B'd: for each point the coefficients of M(x) / (x - p); for infinity those of M(x)
//   Gg:  g0 + p g1 + p^2 g2; for infinity g2
//   A'm: y_i = sum over the points of m_p p^i / N_p, with N_p the product of p - q over the other points; m_inf to the
//        last y
// and in two dimensions y = A'[(G g G') * (B'd B)]A. Points in pairs p and -p share what is even and what is odd in p.

namespace sumi {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

/// F(4 x 4, 3 x 3): 36 products where 16 results take 144. The points are 0, a, -a, b, -b. All of 1 / N stays in A,
/// which is applied least often. Measured in float32 on 320 channels, the relative error is 3.0e-6 for a, b = 1, 2 (and
/// 1, 1/2), 1.5e-6 for 5/8, 3/2, against 1.0e-6 of a direct sum; their squares and the products of these are exact in
/// float32. With factors rounded to bf16 it is 1.1e-2.
template <class V>
struct FourByFour {
  using Reg = typename V::Reg;
  static constexpr int tile = 4, patch_side = 6;  ///< results and inputs along an axis
  static constexpr int step = tile;               ///< inputs from one tile to the next

  static void transform_inputs(const Reg (&d)[6], Reg (&v)[6]) {
    const Reg even_a = V::fma(constant(-bb), d[2], d[4]), odd_a = V::fma(constant(-bb), d[1], d[3]);
    const Reg even_b = V::fma(constant(-aa), d[2], d[4]), odd_b = V::fma(constant(-aa), d[1], d[3]);
    v[0] = V::fma(constant(-aa - bb), d[2], V::fma(constant(aa * bb), d[0], d[4]));
    v[1] = V::fma(constant(a), odd_a, even_a);
    v[2] = V::fma(constant(-a), odd_a, even_a);
    v[3] = V::fma(constant(b), odd_b, even_b);
    v[4] = V::fma(constant(-b), odd_b, even_b);
    v[5] = V::fma(constant(-aa - bb), d[3], V::fma(constant(aa * bb), d[1], d[5]));
  }

  static void transform_filters(const Reg (&g)[3], Reg (&u)[6]) {
    const Reg even_a = V::fma(constant(aa), g[2], g[0]), even_b = V::fma(constant(bb), g[2], g[0]);
    u[0] = g[0];
    u[1] = V::fma(constant(a), g[1], even_a);
    u[2] = V::fma(constant(-a), g[1], even_a);
    u[3] = V::fma(constant(b), g[1], even_b);
    u[4] = V::fma(constant(-b), g[1], even_b);
    u[5] = g[2];
  }

  static void transform_sums(const Reg (&m)[6], Reg (&y)[4]) {
    const Reg even_a = V::add(m[1], m[2]), odd_a = V::sub(m[1], m[2]);
    const Reg even_b = V::add(m[3], m[4]), odd_b = V::sub(m[3], m[4]);
    y[0] = V::fma(constant(zero_scale), m[0], V::fma(constant(a_scale), even_a, V::mul(constant(b_scale), even_b)));
    y[1] = V::fma(constant(a * a_scale), odd_a, V::mul(constant(b * b_scale), odd_b));
    y[2] = V::fma(constant(aa * a_scale), even_a, V::mul(constant(bb * b_scale), even_b));
    y[3] = V::fma(constant(aa * a * a_scale), odd_a, V::fma(constant(bb * b * b_scale), odd_b, m[5]));
  }

 private:
  /// The finite points but 0, and 1 / N.
  static constexpr double a = 0.625, b = 1.5, aa = a * a, bb = b * b;
  static constexpr double zero_scale = 1 / (aa * bb), a_scale = 1 / (2 * aa * (aa - bb)),
                          b_scale = 1 / (2 * bb * (bb - aa));

  static Reg constant(double x) { return V::set(static_cast<float>(x)); }
};

/// F(2 x 2, 3 x 3): 16 products where 4 results take 36. The points are 0, 1, -1, so M(x) = x^3 - x; 1 / N is -1 for 0,
/// which turns the sign of that line of B', and 1/2 for 1 and -1, in A.
///
/// Error with factors rounded to bf16. A value x so rounded is off by 2^-8 / sqrt 3 of the power of two below it in the
/// root mean square, which is 2^-t x with t anywhere in a binade: 0.42 * 2^-8 of x. White inputs and filters, of
/// deviation 1, give V of deviation sqrt 2 and U of 1, sqrt 3, sqrt 3, 1: y0 = m0 + (m1 + m2) / 2 has terms of the
/// squared norm 2 + 6/4 + 6/4 = 5 where the taps have 3, and so has y1. In two dimensions the error of both roundings
/// is (5/3) sqrt 2 times 0.42 * 2^-8 = 3.9e-3 of the sum (4.0e-3 in a trial with 320 channels). Inputs two apart that
/// are alike by r make it (5 - 2 r) / 3 instead of 5/3. Where taps see zeros around the map, the squared norm is raised
/// by 4/2 with two taps left (d0 or d3 is zero), by 5/2 at most, with one.
template <class V>
struct TwoByTwo {
  using Reg = typename V::Reg;
  static constexpr int tile = 2, patch_side = 4;  ///< results and inputs along an axis
  static constexpr int step = tile;               ///< inputs from one tile to the next

  static void transform_inputs(const Reg (&d)[4], Reg (&v)[4]) {
    v[0] = V::sub(d[0], d[2]);
    v[1] = V::add(d[2], d[1]);
    v[2] = V::sub(d[2], d[1]);
    v[3] = V::sub(d[3], d[1]);
  }

  static void transform_filters(const Reg (&g)[3], Reg (&u)[4]) {
    const Reg even = V::add(g[0], g[2]);
    u[0] = g[0];
    u[1] = V::add(even, g[1]);
    u[2] = V::sub(even, g[1]);
    u[3] = g[2];
  }

  static void transform_sums(const Reg (&m)[4], Reg (&y)[2]) {
    const Reg half = V::set(0.5f);
    y[0] = V::fma(half, V::add(m[1], m[2]), m[0]);
    y[1] = V::fma(half, V::sub(m[1], m[2]), m[3]);
  }
};

/// Of x upsampled, whose every pixel stands for two by two: 9 products where 4 results take 36. Along an axis the two
/// results over d1 see d0 d1 d1 and d1 d1 d2. With s = g0 + g1 + g2
///   y0 = d0 g0 + d1 (g1 + g2) = (d0 - d1) g0 + d1 s
///   y1 = d1 (g0 + g1) + d2 g2 = d1 s + (d2 - d1) g2
/// Zeros around x stand for zeros around what it is upsampled to. The error is that of TwoByTwo: white inputs and
/// filters give terms of the squared norm 2 + 3 where the taps have 3, and inputs that are alike less.
template <class V>
struct Upsampled {
  using Reg = typename V::Reg;
  static constexpr int tile = 2, patch_side = 3;  ///< results and inputs along an axis
  static constexpr int step = 1;                  ///< inputs from one tile to the next

  static void transform_inputs(const Reg (&d)[3], Reg (&v)[3]) {
    v[0] = V::sub(d[0], d[1]);
    v[1] = d[1];
    v[2] = V::sub(d[2], d[1]);
  }

  static void transform_filters(const Reg (&g)[3], Reg (&u)[3]) {
    u[0] = g[0];
    u[1] = V::add(V::add(g[0], g[2]), g[1]);
    u[2] = g[2];
  }

  static void transform_sums(const Reg (&m)[3], Reg (&y)[2]) {
    y[0] = V::add(m[0], m[1]);
    y[1] = V::add(m[1], m[2]);
  }
};

}  // namespace
}  // namespace sumi
