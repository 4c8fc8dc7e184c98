#include <immintrin.h>

#include "core/widen_simd.h"

namespace sumi::avx2 {

void widen_f16(const void* from, std::size_t count, float* to) {
  const char* halves = static_cast<const char*>(from);
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + 2 * i))));
  }
  for (; i < count; ++i) {
    unsigned short bits;
    __builtin_memcpy(&bits, halves + 2 * i, 2);
    to[i] = _cvtsh_ss(bits);
  }
}

}  // namespace sumi::avx2
