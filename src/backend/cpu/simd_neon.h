#pragma once

#include <arm_neon.h>
#include <cstddef>
#include <cstdint>

namespace sumi::neon {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

/// Eight floats in two of the 32 registers, so that a register tile has the shape that it has with AVX2: 10 loads for
/// 24 multiplications, where 14 rows of two single registers take 16 for 28. The functions are those of simd_avx2.h.
struct Simd {
  struct Reg {
    float32x4_t low, high;
  };
  static constexpr int lanes = 8;
  static constexpr int registers = 16;

  static Reg zero() { return set(0); }
  static Reg set(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
  static Reg broadcast(const float* from) { return {vld1q_dup_f32(from), vld1q_dup_f32(from)}; }
  static Reg lane_numbers() {
    const float low[] = {0, 1, 2, 3}, high[] = {4, 5, 6, 7};
    return {vld1q_f32(low), vld1q_f32(high)};
  }

  static Reg load(const float* from) { return {vld1q_f32(from), vld1q_f32(from + 4)}; }
  static Reg load_first(const float* from, std::ptrdiff_t n) { return load(first(from, n).values); }
  static void store(float* to, Reg x) {
    vst1q_f32(to, x.low);
    vst1q_f32(to + 4, x.high);
  }
  static void store_first(float* to, Reg x, std::ptrdiff_t n) {
    float whole[lanes];
    store(whole, x);
    for (std::ptrdiff_t i = 0; i < n; ++i) to[i] = whole[i];
  }
  /// There is no store past the caches worth its name.
  static void stream(float* to, Reg x) { store(to, x); }
  static void streamed() {}

  static Reg load(const std::uint16_t* bf16) { return {widen(vld1_u16(bf16)), widen(vld1_u16(bf16 + 4))}; }
  static Reg load_first(const std::uint16_t* bf16, std::ptrdiff_t n) { return load(first(bf16, n).values); }
  static void store(std::uint16_t* bf16, Reg x) {
    vst1_u16(bf16, nearest_bf16(x.low));
    vst1_u16(bf16 + 4, nearest_bf16(x.high));
  }
  static void store_first(std::uint16_t* bf16, Reg x, std::ptrdiff_t n) {
    std::uint16_t whole[lanes];
    store(whole, x);
    for (std::ptrdiff_t i = 0; i < n; ++i) bf16[i] = whole[i];
  }

  static Reg add(Reg a, Reg b) { return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)}; }
  static Reg sub(Reg a, Reg b) { return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)}; }
  static Reg mul(Reg a, Reg b) { return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)}; }
  static Reg fma(Reg a, Reg b, Reg c) { return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)}; }
  /// NaN where either is.
  static Reg max(Reg a, Reg b) { return {vmaxq_f32(a.low, b.low), vmaxq_f32(a.high, b.high)}; }
  static Reg min(Reg a, Reg b) { return {vminq_f32(a.low, b.low), vminq_f32(a.high, b.high)}; }
  static Reg where_negative(Reg x, Reg then, Reg otherwise) {
    return {vbslq_f32(negative(x.low), then.low, otherwise.low),
            vbslq_f32(negative(x.high), then.high, otherwise.high)};
  }
  static Reg reciprocal(Reg x) { return {vdivq_f32(vdupq_n_f32(1), x.low), vdivq_f32(vdupq_n_f32(1), x.high)}; }
  /// Of each lane what is farther from zero, as bits: those of magnitudes are in the same order, NaNs the last.
  static Reg larger_magnitude(Reg most, Reg x) {
    return {larger_magnitude(most.low, x.low), larger_magnitude(most.high, x.high)};
  }
  /// The largest of magnitudes, by their bits.
  static float largest(Reg most) {
    const int32x4_t four = vmaxq_s32(vreinterpretq_s32_f32(most.low), vreinterpretq_s32_f32(most.high));
    return __builtin_bit_cast(float, vmaxvq_s32(four));
  }
  static float sum(Reg x) { return vaddvq_f32(vaddq_f32(x.low, x.high)); }
  static Reg with_one_nan(Reg x) { return {with_one_nan(x.low), with_one_nan(x.high)}; }
  static Reg round_to_integer(Reg x) { return {vrndnq_f32(x.low), vrndnq_f32(x.high)}; }
  /// x * 2^n for x near 1 and an integer n up to 126. What would be less than 2^-126 becomes about 2^-125.
  static Reg scale_by_power(Reg x, Reg n) { return {scale_by_power(x.low, n.low), scale_by_power(x.high, n.high)}; }

  static Reg widen_low(Reg pairs) { return {widen_low(pairs.low), widen_low(pairs.high)}; }
  static Reg widen_high(Reg pairs) { return {widen_high(pairs.low), widen_high(pairs.high)}; }

  static void transpose(Reg (&rows)[lanes]) {
    float32x4_t blocks[2][2][4];  // of 4 x 4, transposed
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      const Reg* four = rows + 4 * i;
      transpose(four[0].low, four[1].low, four[2].low, four[3].low, blocks[0][i]);
      transpose(four[0].high, four[1].high, four[2].high, four[3].high, blocks[1][i]);
    }
#pragma GCC unroll 8
    for (int j = 0; j < lanes; ++j) rows[j] = {blocks[j / 4][0][j % 4], blocks[j / 4][1][j % 4]};
  }

 private:
  template <class T>
  struct Whole {
    T values[lanes];
  };
  /// With zeros after.
  template <class T>
  static Whole<T> first(const T* from, std::ptrdiff_t n) {
    Whole<T> whole{};
    for (std::ptrdiff_t i = 0; i < n; ++i) whole.values[i] = from[i];
    return whole;
  }

  static float32x4_t widen(uint16x4_t bf16) { return vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(bf16), 16)); }
  static float32x4_t widen_low(float32x4_t pairs) {
    return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(pairs), 16));
  }
  static float32x4_t widen_high(float32x4_t pairs) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(pairs), vdupq_n_u32(0xffff0000u)));
  }
  static uint16x4_t nearest_bf16(float32x4_t x) {
    const uint32x4_t bits = vreinterpretq_u32_f32(x);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    return vshrn_n_u32(vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff))), 16);
  }
  static float32x4_t larger_magnitude(float32x4_t most, float32x4_t x) {
    const int32x4_t magnitude = vandq_s32(vreinterpretq_s32_f32(x), vdupq_n_s32(0x7fffffff));
    return vreinterpretq_f32_s32(vmaxq_s32(vreinterpretq_s32_f32(most), magnitude));
  }
  static uint32x4_t negative(float32x4_t x) { return vcltzq_s32(vreinterpretq_s32_f32(x)); }
  static float32x4_t with_one_nan(float32x4_t x) {
    return vbslq_f32(vceqq_f32(x, x), x, vdupq_n_f32(__builtin_nanf("")));
  }
  static float32x4_t scale_by_power(float32x4_t x, float32x4_t n) {
    const int32x4_t exponent = vcvtq_s32_f32(vmaxq_f32(n, vdupq_n_f32(-125)));
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), vshlq_n_s32(exponent, 23)));
  }
  static void transpose(float32x4_t a, float32x4_t b, float32x4_t c, float32x4_t d, float32x4_t (&columns)[4]) {
    const float64x2_t ab_even = pairs(vtrn1q_f32(a, b)), ab_odd = pairs(vtrn2q_f32(a, b));
    const float64x2_t cd_even = pairs(vtrn1q_f32(c, d)), cd_odd = pairs(vtrn2q_f32(c, d));
    columns[0] = vreinterpretq_f32_f64(vtrn1q_f64(ab_even, cd_even));
    columns[1] = vreinterpretq_f32_f64(vtrn1q_f64(ab_odd, cd_odd));
    columns[2] = vreinterpretq_f32_f64(vtrn2q_f64(ab_even, cd_even));
    columns[3] = vreinterpretq_f32_f64(vtrn2q_f64(ab_odd, cd_odd));
  }
  static float64x2_t pairs(float32x4_t x) { return vreinterpretq_f64_f32(x); }
};

}  // namespace
}  // namespace sumi::neon
