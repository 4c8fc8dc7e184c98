#include "backend/cpu/linear_int8_words.h"
#include "backend/cpu/linear_panels_kernel.h"
#include "backend/cpu/simd_avx512.h"

namespace sumi::avx512vnni {
namespace {

using avx512::Simd;

/// Four factors of 8 bits. The instruction takes those of x without a sign: they are kept 128 larger, and sums begin at
/// -128 times the sum of the column.
struct Products {
  using Reg = Simd::Reg;
  using Stored = float;  ///< a word of the weight
  static constexpr std::ptrdiff_t per_word = 4, start_of_one = 128;

  static Reg load_words(const Stored* from) { return Simd::load(from); }
  static Reg multiply_add(Reg x, Reg w, Reg sum) {
    return _mm512_castsi512_ps(
        _mm512_dpbusd_epi32(_mm512_castps_si512(sum), _mm512_castps_si512(x), _mm512_castps_si512(w)));
  }
  static Reg to_float(Reg sums) { return _mm512_cvtepi32_ps(_mm512_castps_si512(sums)); }

  static void store_rounded(float* to, Reg x) {
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_xor_si128(bytes, _mm_set1_epi8(-128)));
  }
};

}  // namespace

constexpr PanelKernel int8_panels = panel_kernel<Simd, Int8Words<Simd, Products>>(Products::start_of_one);

}  // namespace sumi::avx512vnni
