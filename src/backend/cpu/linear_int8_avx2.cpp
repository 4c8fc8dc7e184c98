#include "backend/cpu/linear_int8_words.h"
#include "backend/cpu/linear_panels_kernel.h"
#include "backend/cpu/simd_avx2.h"

namespace sumi::avx2 {
namespace {

/// Two factors of 16 bits: the sum of two products of bytes fits no 16 bits, where vpmaddubsw would saturate it. The
/// weight's are 8 bits in memory. Sixteen factors take two instructions, on three units, as eight of float32 take one
/// on two: 1.5 times as fast at best, measured 0.8 to 1.2 times its peak.
struct Products {
  using Reg = Simd::Reg;
  using Stored = std::int16_t;  ///< two factors of the weight
  static constexpr std::ptrdiff_t per_word = 2, start_of_one = 0;

  static Reg load_words(const Stored* from) {
    return _mm256_castsi256_ps(_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  }
  static Reg multiply_add(Reg x, Reg w, Reg sum) {
    const __m256i products = _mm256_madd_epi16(_mm256_castps_si256(x), _mm256_castps_si256(w));
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(sum), products));
  }
  static Reg to_float(Reg sums) { return _mm256_cvtepi32_ps(_mm256_castps_si256(sums)); }

  static void store_rounded(float* to, Reg x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
  }
};

}  // namespace

constexpr PanelKernel int8_panels = panel_kernel<Simd, Int8Words<Simd, Products>>(Products::start_of_one);

}  // namespace sumi::avx2
