#pragma once

#include <cstddef>
#include <cstdint>

#include <immintrin.h>

namespace sumi::avx2 {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

/// Eight floats. Needs AVX2 and FMA. The functions are those of simd_avx512.h, but for products of pairs of bf16.
struct Simd {
  using Reg = __m256;
  static constexpr int lanes = 8;
  static constexpr int registers = 16;

  static Reg zero() { return _mm256_setzero_ps(); }
  static Reg set(float x) { return _mm256_set1_ps(x); }
  static Reg broadcast(const float* from) { return _mm256_broadcast_ss(from); }
  static Reg lane_numbers() { return _mm256_set_ps(7, 6, 5, 4, 3, 2, 1, 0); }

  static Reg load(const float* from) { return _mm256_loadu_ps(from); }
  static Reg load_first(const float* from, std::ptrdiff_t n) { return _mm256_maskload_ps(from, mask(n)); }
  static void store(float* to, Reg x) { _mm256_storeu_ps(to, x); }
  static void store_first(float* to, Reg x, std::ptrdiff_t n) { _mm256_maskstore_ps(to, mask(n), x); }
  static void stream(float* to, Reg x) { _mm256_stream_ps(to, x); }
  static void streamed() { _mm_sfence(); }

  static Reg load(const std::uint16_t* bf16) { return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bf16))); }
  static Reg load_first(const std::uint16_t* bf16, std::ptrdiff_t n) {
    std::uint16_t whole[lanes] = {};
    for (std::ptrdiff_t i = 0; i < n; ++i) whole[i] = bf16[i];
    return load(whole);
  }
  static void store(std::uint16_t* bf16, Reg x) {
    const __m256i wide = nearest_bf16(x);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bf16),
                     _mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1)));
  }
  static void store_first(std::uint16_t* bf16, Reg x, std::ptrdiff_t n) {
    std::uint16_t whole[lanes];
    store(whole, x);
    for (std::ptrdiff_t i = 0; i < n; ++i) bf16[i] = whole[i];
  }

  static Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  static Reg max(Reg a, Reg b) { return _mm256_max_ps(a, b); }
  static Reg min(Reg a, Reg b) { return _mm256_min_ps(a, b); }
  static Reg where_negative(Reg x, Reg then, Reg otherwise) { return _mm256_blendv_ps(otherwise, then, x); }
  static Reg reciprocal(Reg x) { return _mm256_div_ps(set(1.0f), x); }
  /// Of each lane what is farther from zero, as bits: those of magnitudes are in the same order, NaNs the last.
  static Reg larger_magnitude(Reg most, Reg x) {
    const __m256i magnitude = _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff));
    return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(most), magnitude));
  }
  /// The largest of magnitudes, by their bits.
  static float largest(Reg most) {
    const __m256i all = _mm256_castps_si256(most);
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1));
    return __builtin_bit_cast(float, _mm_cvtsi128_si32(four));
  }
  static float sum(Reg x) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static Reg with_one_nan(Reg x) {
    return _mm256_blendv_ps(x, set(__builtin_nanf("")), _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  }
  static Reg round_to_integer(Reg x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  /// x * 2^n for x near 1 and an integer n up to 126. What would be less than 2^-126 becomes about 2^-125.
  static Reg scale_by_power(Reg x, Reg n) {
    const __m256i exponent = _mm256_cvtps_epi32(max(n, set(-125.0f)));
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(exponent, 23)));
  }

  static Reg widen_low(Reg pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(pairs), 16)); }
  static Reg widen_high(Reg pairs) {
    return _mm256_castsi256_ps(_mm256_and_si256(_mm256_castps_si256(pairs), _mm256_set1_epi32(-0x10000)));
  }

  static void transpose(Reg (&rows)[lanes]) {
    Reg quads[lanes];
    // Within each 128 bits, quads[4 i + j] is column j of rows 4 i to 4 i + 3.
#pragma GCC unroll 2
    for (int i = 0; i < lanes; i += 4) {
      const Reg low0 = _mm256_unpacklo_ps(rows[i], rows[i + 1]), high0 = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
      const Reg low1 = _mm256_unpacklo_ps(rows[i + 2], rows[i + 3]),
                high1 = _mm256_unpackhi_ps(rows[i + 2], rows[i + 3]);
      quads[i] = _mm256_shuffle_ps(low0, low1, 0x44);
      quads[i + 1] = _mm256_shuffle_ps(low0, low1, 0xee);
      quads[i + 2] = _mm256_shuffle_ps(high0, high1, 0x44);
      quads[i + 3] = _mm256_shuffle_ps(high0, high1, 0xee);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      rows[j] = _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x20);
      rows[4 + j] = _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x31);
    }
  }

 private:
  static __m256i mask(std::ptrdiff_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
  }
  static Reg widen(__m128i bf16) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bf16), 16)); }
  static __m256i nearest_bf16(Reg x) {
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    return _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
  }
};

}  // namespace
}  // namespace sumi::avx2
