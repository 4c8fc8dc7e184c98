#pragma once

#include "backend/cpu/simd_avx512.h"

namespace sumi::avx512bf16 {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

/// What the processor's own instructions for bf16 do better. They take subnormal numbers for zero.
struct Simd : avx512::Simd {
  using avx512::Simd::store;

  /// Ends in a register: clang 16 crashes where it may fold the load into the product of pairs.
  static Reg broadcast(const float* from) {
    Reg x = _mm512_set1_ps(*from);
    asm("" : "+v"(x));
    return x;
  }
  static void store(std::uint16_t* bf16, Reg x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(bf16), __builtin_bit_cast(__m256i, _mm512_cvtneps_pbh(x)));
  }
  /// Rounds after each of its two additions.
  static Reg dot_pairs(Reg a, Reg b, Reg c) {
    return _mm512_dpbf16_ps(c, __builtin_bit_cast(__m512bh, a), __builtin_bit_cast(__m512bh, b));
  }
};

}  // namespace
}  // namespace sumi::avx512bf16
