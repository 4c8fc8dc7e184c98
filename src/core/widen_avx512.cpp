#include <immintrin.h>

#include "core/widen_simd.h"

namespace sumi::avx512 {

void widen_f16(const void* from, std::size_t count, float* to) {
  const char* halves = static_cast<const char*>(from);
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves + 2 * i))));
  }
  if (i == count) return;
  const auto left = static_cast<__mmask16>(0xffffu >> (16 - (count - i)));
  _mm512_mask_storeu_ps(to + i, left, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(left, halves + 2 * i)));
}

}  // namespace sumi::avx512
