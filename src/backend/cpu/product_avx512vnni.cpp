#include "backend/cpu/product_kernel.h"
#include "backend/cpu/simd_avx512.h"

namespace sumi::avx512vnni {
namespace {

using avx512::Simd;

/// A line is two steps of 16 bits a word, the first the lower half; the last line holds what a whole number is worth
/// in each row of a, or column of b.
struct RoundedFactors {
  using Reg = Simd::Reg;
  static constexpr std::ptrdiff_t lanes = Simd::lanes, columns = 2 * lanes;

  static std::ptrdiff_t words(std::ptrdiff_t steps) { return (steps + 1) / 2; }
  static std::ptrdiff_t lines(std::ptrdiff_t steps) { return words(steps) + 1; }

  static Reg load_words(const float* from) { return Simd::load(from); }
  static Reg multiply_add(Reg a, Reg b, Reg sum) {
    return _mm512_castsi512_ps(
        _mm512_dpwssd_epi32(_mm512_castps_si512(sum), _mm512_castps_si512(a), _mm512_castps_si512(b)));
  }
  static Reg added(Reg c, Reg sum, const float* turned, const float* panel, std::ptrdiff_t words) {
    asm("" : "+v"(sum));  // in a register: GCC 12 would rather convert it from memory, and store it in every step
    const Reg worth =
        Simd::mul(Simd::broadcast(turned + words * ProductKernel::most_rows), Simd::load(panel + words * columns));
    return Simd::fma(_mm512_cvtepi32_ps(_mm512_castps_si512(sum)), worth, c);
  }

  static void lay(std::ptrdiff_t steps, const float* b, std::ptrdiff_t next, float* panel) {
    const Reg limit = Simd::set(limit_of(steps));
    for (std::ptrdiff_t half = 0; half < columns; half += lanes, b += lanes) {
      Reg most = Simd::set(tiny);
      for (std::ptrdiff_t step = 0; step < steps; ++step) {
        most = Simd::larger_magnitude(most, Simd::load(b + step * next));
      }
      const Reg scale = _mm512_div_ps(limit, most);
      float* to = panel + half;
      for (std::ptrdiff_t step = 0; step < steps; step += 2, to += columns) {
        const __m512i first = whole(Simd::load(b + step * next), scale);
        const __m512i second =
            step + 1 < steps ? whole(Simd::load(b + (step + 1) * next), scale) : _mm512_setzero_si512();
        Simd::store(to,
                    _mm512_castsi512_ps(_mm512_mask_blend_epi16(0x55555555u, _mm512_slli_epi32(second, 16), first)));
      }
      Simd::store(to, _mm512_div_ps(most, limit));
    }
  }

  static void turn(std::ptrdiff_t rows, std::ptrdiff_t steps, float scale, const float* a, float* turned) {
    const float limit = limit_of(steps);
    const std::ptrdiff_t count = words(steps);
    for (std::ptrdiff_t r = 0; r < rows; r += lanes, turned += lanes) {
      alignas(64) float most[lanes] = {};
      for (std::ptrdiff_t i = 0; i < least(lanes, rows - r); ++i) most[i] = largest(a + (r + i) * steps, steps);
      for (std::ptrdiff_t word = 0; word < count; word += lanes) {
        Reg lines[lanes];
        for (std::ptrdiff_t i = 0; i < lanes; ++i) {
          lines[i] = r + i < rows ? rounded_row(a + (r + i) * steps + 2 * word, steps - 2 * word, limit / most[i])
                                  : Simd::zero();
        }
        Simd::transpose(lines);
        for (std::ptrdiff_t i = 0; i < least(lanes, count - word); ++i) {
          Simd::store(turned + (word + i) * ProductKernel::most_rows, lines[i]);
        }
      }
      Simd::store(turned + count * ProductKernel::most_rows, Simd::mul(Simd::set(scale / limit), Simd::load(most)));
    }
  }

 private:
  /// In place of a largest magnitude of 0.
  static constexpr float tiny = 0x1p-100f;

  /// The largest whole number of 16 bits of which `steps` squares are less than 2^31.
  static float limit_of(std::ptrdiff_t steps) {
    const double root = __builtin_floor(__builtin_sqrt(2147483647.0 / static_cast<double>(steps)));
    return root < 32767 ? static_cast<float>(root) : 32767;
  }

  static float largest(const float* row, std::ptrdiff_t steps) {
    Reg most = Simd::set(tiny);
    for (std::ptrdiff_t step = 0; step < steps; step += lanes) {
      most = Simd::larger_magnitude(most, load<Simd>(row + step, steps - step));
    }
    return Simd::largest(most);
  }

  static __m512i whole(Reg x, Reg scale) { return _mm512_cvtps_epi32(Simd::mul(scale, x)); }

  /// Up to 32 steps of a row.
  static Reg rounded_row(const float* row, std::ptrdiff_t left, float scale) {
    const auto sixteen = [&](std::ptrdiff_t from) {
      if (left <= from) return _mm256_setzero_si256();
      return _mm512_cvtepi32_epi16(whole(load<Simd>(row + from, left - from), Simd::set(scale)));
    };
    return _mm512_castsi512_ps(_mm512_inserti64x4(_mm512_castsi256_si512(sixteen(0)), sixteen(lanes), 1));
  }
};

}  // namespace

constexpr ProductKernel rounded_product = product_kernel<Simd, RoundedFactors>();

}  // namespace sumi::avx512vnni
