#include "backend/cpu/linear_int8_words.h"
#include "backend/cpu/linear_panels_kernel.h"
#include "backend/cpu/simd_neon.h"

namespace sumi::neon {
namespace {

/// Two factors of 16 bits; the weight's are 8 bits in memory. Eight factors take four instructions where four of
/// float32 take one: it saves memory, not time.
struct Products {
  using Reg = Simd::Reg;
  using Stored = std::int16_t;  ///< two factors of the weight
  static constexpr std::ptrdiff_t per_word = 2, start_of_one = 0;

  static Reg load_words(const Stored* from) {
    const int8x16_t bytes = vld1q_s8(reinterpret_cast<const std::int8_t*>(from));
    return {vreinterpretq_f32_s16(vmovl_s8(vget_low_s8(bytes))), vreinterpretq_f32_s16(vmovl_high_s8(bytes))};
  }
  static Reg multiply_add(Reg x, Reg w, Reg sum) {
    return {multiply_add(x.low, w.low, sum.low), multiply_add(x.high, w.high, sum.high)};
  }
  static Reg to_float(Reg sums) { return {to_float(sums.low), to_float(sums.high)}; }

  static void store_rounded(float* to, Reg x) {
    const int16x4_t low = vmovn_s32(vcvtnq_s32_f32(x.low)), high = vmovn_s32(vcvtnq_s32_f32(x.high));
    vst1q_s16(reinterpret_cast<std::int16_t*>(to), vcombine_s16(low, high));
  }

 private:
  static float32x4_t multiply_add(float32x4_t x, float32x4_t w, float32x4_t sum) {
    const int16x8_t a = vreinterpretq_s16_f32(x), b = vreinterpretq_s16_f32(w);
    const int32x4_t pairs = vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b));
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(sum), pairs));
  }
  static float32x4_t to_float(float32x4_t sums) { return vcvtq_f32_s32(vreinterpretq_s32_f32(sums)); }
};

}  // namespace

constexpr PanelKernel int8_panels = panel_kernel<Simd, Int8Words<Simd, Products>>(Products::start_of_one);

}  // namespace sumi::neon
