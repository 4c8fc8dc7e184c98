#pragma once

#include <cstddef>
#include <cstdint>

#include <immintrin.h>

namespace sumi::avx512 {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

/// Sixteen floats, or sixteen words of two bf16: the first of a pair is the lower half.
/// Needs AVX-512 F, BW, DQ and VL. Memory need not be aligned. `first n` touch n elements only, n from 1 to `lanes`.
struct Simd {
  using Reg = __m512;
  static constexpr int lanes = 16;
  static constexpr int registers = 32;

  static Reg zero() { return _mm512_setzero_ps(); }
  static Reg set(float x) { return _mm512_set1_ps(x); }
  static Reg broadcast(const float* from) { return _mm512_set1_ps(*from); }
  /// 0, 1, 2, ...
  static Reg lane_numbers() { return _mm512_set_ps(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0); }

  static Reg load(const float* from) { return _mm512_loadu_ps(from); }
  static Reg load_first(const float* from, std::ptrdiff_t n) { return _mm512_maskz_loadu_ps(mask16(n), from); }
  static void store(float* to, Reg x) { _mm512_storeu_ps(to, x); }
  static void store_first(float* to, Reg x, std::ptrdiff_t n) { _mm512_mask_storeu_ps(to, mask16(n), x); }
  /// Past the caches, to an aligned place; `streamed` before others may read it.
  static void stream(float* to, Reg x) { _mm512_stream_ps(to, x); }
  static void streamed() { _mm_sfence(); }

  static Reg load(const std::uint16_t* bf16) {
    return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bf16)));
  }
  static Reg load_first(const std::uint16_t* bf16, std::ptrdiff_t n) {
    return widen(_mm256_maskz_loadu_epi16(mask16(n), bf16));
  }
  static void store(std::uint16_t* bf16, Reg x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(bf16), _mm512_cvtepi32_epi16(nearest_bf16(x)));
  }
  static void store_first(std::uint16_t* bf16, Reg x, std::ptrdiff_t n) {
    _mm256_mask_storeu_epi16(bf16, mask16(n), _mm512_cvtepi32_epi16(nearest_bf16(x)));
  }

  static Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
  /// a * b + c, rounded once.
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  /// b where either is NaN.
  static Reg max(Reg a, Reg b) { return _mm512_max_ps(a, b); }
  static Reg min(Reg a, Reg b) { return _mm512_min_ps(a, b); }
  /// then where the sign bit of x is set.
  static Reg where_negative(Reg x, Reg then, Reg otherwise) {
    return _mm512_mask_mov_ps(otherwise, _mm512_movepi32_mask(_mm512_castps_si512(x)), then);
  }
  /// 1 / x to 2 units in the last place for 2^-126 <= x <= 2^126: the 14 bits of the estimate, doubled by one step of
  /// Newton's. A division takes 16 cycles (Ice Lake).
  static Reg reciprocal(Reg x) {
    const Reg estimate = _mm512_rcp14_ps(x);
    return mul(estimate, _mm512_fnmadd_ps(x, estimate, set(2.0f)));
  }
  /// Of each lane what is farther from zero, as bits: those of magnitudes are in the same order, NaNs the last.
  static Reg larger_magnitude(Reg most, Reg x) {
    const __m512i magnitude = _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
    return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(most), magnitude));
  }
  /// The largest of magnitudes, by their bits.
  static float largest(Reg most) {
    return __builtin_bit_cast(float, _mm512_reduce_max_epi32(_mm512_castps_si512(most)));
  }
  static float sum(Reg x) { return _mm512_reduce_add_ps(x); }
  /// x, with one NaN in place of all.
  static Reg with_one_nan(Reg x) {
    return _mm512_mask_mov_ps(x, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), set(__builtin_nanf("")));
  }
  static Reg round_to_integer(Reg x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  /// x * 2^n for an integer n, zero where that is too small.
  static Reg scale_by_power(Reg x, Reg n) { return _mm512_scalef_ps(x, n); }

  /// Words of two bf16 from two rows of floats, to nearest, ties away from zero.
  static Reg pair(Reg low, Reg high) {
    const __m512i half = _mm512_set1_epi32(0x8000);
    const __m512i a = _mm512_add_epi32(_mm512_castps_si512(low), half);
    const __m512i b = _mm512_add_epi32(_mm512_castps_si512(high), half);
    return _mm512_castsi512_ps(_mm512_mask_blend_epi16(0x55555555u, b, _mm512_srli_epi32(a, 16)));
  }
  /// Thirty-two bf16 as they lie in memory, or the first n of them, n up to 32.
  static Reg load_pairs(const std::uint16_t* bf16) { return _mm512_loadu_ps(bf16); }
  static Reg load_first_pairs(const std::uint16_t* bf16, std::ptrdiff_t n) {
    return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(0xffffffffu >> (32 - n), bf16));
  }
  /// The lower, or upper, of each two bf16.
  static Reg widen_low(Reg pairs) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(pairs), 16)); }
  static Reg widen_high(Reg pairs) {
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(pairs), _mm512_set1_epi32(-0x10000)));
  }
  /// c + a.low * b.low + a.high * b.high with two multiplications of the widened halves.
  static Reg dot_pairs(Reg a, Reg b, Reg c) {
    return fma(widen_high(a), widen_high(b), fma(widen_low(a), widen_low(b), c));
  }

  /// rows[i][j] and rows[j][i] change places.
  static void transpose(Reg (&rows)[lanes]) {
    Reg pairs[lanes], quads[lanes];
#pragma GCC unroll 8
    for (int i = 0; i < lanes; i += 2) {
      pairs[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    }
    // Within each 128 bits, quads[4 i + j] is column j of rows 4 i to 4 i + 3.
#pragma GCC unroll 4
    for (int i = 0; i < lanes; i += 4) {
      quads[i] = unpack_low_pair(pairs[i], pairs[i + 2]);
      quads[i + 1] = unpack_high_pair(pairs[i], pairs[i + 2]);
      quads[i + 2] = unpack_low_pair(pairs[i + 1], pairs[i + 3]);
      quads[i + 3] = unpack_high_pair(pairs[i + 1], pairs[i + 3]);
    }
    // Then the 4 x 4 blocks of 128 bits are transposed.
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const Reg even_top = _mm512_shuffle_f32x4(quads[j], quads[4 + j], 0x88);
      const Reg odd_top = _mm512_shuffle_f32x4(quads[j], quads[4 + j], 0xdd);
      const Reg even_bottom = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], 0x88);
      const Reg odd_bottom = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], 0xdd);
      rows[j] = _mm512_shuffle_f32x4(even_top, even_bottom, 0x88);
      rows[4 + j] = _mm512_shuffle_f32x4(odd_top, odd_bottom, 0x88);
      rows[8 + j] = _mm512_shuffle_f32x4(even_top, even_bottom, 0xdd);
      rows[12 + j] = _mm512_shuffle_f32x4(odd_top, odd_bottom, 0xdd);
    }
  }

 private:
  static __mmask16 mask16(std::ptrdiff_t n) { return static_cast<__mmask16>(0xffffu >> (lanes - n)); }
  static Reg widen(__m256i bf16) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16)); }
  /// The upper halves, rounded to nearest, ties to even, in the low 16 bits. NaNs stay NaN as long as one of their
  /// upper 16 bits but the sign says so, which those that arithmetic makes, or bf16 holds, do.
  static __m512i nearest_bf16(Reg x) {
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    return _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
  }
  static Reg unpack_low_pair(Reg a, Reg b) {
    return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
  }
  static Reg unpack_high_pair(Reg a, Reg b) {
    return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
  }
};

}  // namespace
}  // namespace sumi::avx512
