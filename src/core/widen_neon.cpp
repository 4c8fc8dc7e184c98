#include <arm_neon.h>

#include "core/widen_simd.h"

namespace sumi::neon {

void widen_f16(const void* from, std::size_t count, float* to) {
  const char* halves = static_cast<const char*>(from);
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    float16x4_t four;
    __builtin_memcpy(&four, halves + 2 * i, sizeof four);
    vst1q_f32(to + i, vcvt_f32_f16(four));
  }
  for (; i < count; ++i) {
    __fp16 half;
    __builtin_memcpy(&half, halves + 2 * i, sizeof half);
    to[i] = half;
  }
}

}  // namespace sumi::neon
