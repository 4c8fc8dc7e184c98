#include "backend/cpu/attention_flash_kernel.h"
#include "backend/cpu/simd_avx512.h"

namespace sumi::avx512bf16 {
namespace {

struct Simd : avx512::Simd {
  /// Ends in a register: clang 16 crashes where it may fold the load into the product of pairs.
  static Reg broadcast(const float* from) {
    Reg x = _mm512_set1_ps(*from);
    asm("" : "+v"(x));
    return x;
  }
  /// The instruction flushes subnormal numbers to zero and rounds after each of its two additions.
  static Reg dot_pairs(Reg a, Reg b, Reg c) {
    return _mm512_dpbf16_ps(c, __builtin_bit_cast(__m512bh, a), __builtin_bit_cast(__m512bh, b));
  }
};

}  // namespace

constexpr FlashKernel flash_bf16_pairs = flash_kernel<Simd, PairWords<Simd>>();

}  // namespace sumi::avx512bf16
