#pragma once

#include "backend/cpu/product_simd.h"
#include "backend/cpu/product_tile.h"
#include "backend/cpu/simd_math.h"

namespace sumi {
// Templates over the vector layer of one instruction set; internal linkage, as that layer has.
namespace {

/// A line is a step, in floats.
template <class V>
struct FloatFactors : FloatProducts<V> {
  using Reg = typename V::Reg;

  static std::ptrdiff_t lines(std::ptrdiff_t steps) { return steps; }
  static std::ptrdiff_t words(std::ptrdiff_t steps) { return steps; }

  static void lay(std::ptrdiff_t steps, const float* b, std::ptrdiff_t next, float* panel) {
    for (std::ptrdiff_t step = 0; step < steps; ++step, b += next, panel += 2 * V::lanes) {
      V::store(panel, V::load(b));
      V::store(panel + V::lanes, V::load(b + V::lanes));
    }
  }

  static void turn(std::ptrdiff_t rows, std::ptrdiff_t steps, float scale, const float* a, float* turned) {
    constexpr std::ptrdiff_t lanes = V::lanes;
    const Reg factor = V::set(scale);
    for (std::ptrdiff_t r = 0; r < rows; r += lanes) {
      for (std::ptrdiff_t step = 0; step < steps; step += lanes) {
        Reg lines[lanes];
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) {
          lines[i] = r + i < rows ? V::mul(factor, load<V>(a + (r + i) * steps + step, steps - step)) : V::zero();
        }
        V::transpose(lines);
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) {
          if (step + i < steps) V::store(turned + (step + i) * ProductKernel::most_rows + r, lines[i]);
        }
      }
    }
  }

  static Reg added(Reg c, Reg sum, const float*, const float*, std::ptrdiff_t) { return V::add(c, sum); }
};

/// `count` rows, at most `rows`. Factors::added(c, sum, turned row, panel's column, words) is c with the sum of words.
template <class V, class Factors, int rows>
void add_rows(std::ptrdiff_t count, std::ptrdiff_t words, const float* turned, const float* panel, float* c,
              std::ptrdiff_t c_row) {
  if constexpr (rows > 1) {
    if (count < rows) return add_rows<V, Factors, rows - 1>(count, words, turned, panel, c, c_row);
  }
  typename V::Reg sums[rows][2];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) sums[i][0] = sums[i][1] = V::zero();
  multiply_tile<V, Factors, 1, ProductKernel::most_rows>(turned, panel, words, sums, [](std::ptrdiff_t) {});
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i, c += c_row, ++turned) {
    V::store(c, Factors::added(V::load(c), sums[i][0], turned, panel, words));
    float* second = c + V::lanes;
    V::store(second, Factors::added(V::load(second), sums[i][1], turned, panel + V::lanes, words));
  }
}

template <class V, class Factors>
void add_panel(std::ptrdiff_t rows, std::ptrdiff_t steps, const float* turned, const float* panel, float* c,
               std::ptrdiff_t c_row) {
  const RowTiles<V> tiles(rows);
  for (std::ptrdiff_t i = 0; i < tiles.count; ++i) {
    const std::ptrdiff_t begin = tiles.begin(i);
    add_rows<V, Factors, tile_rows<V>>(tiles.size(i), Factors::words(steps), turned + begin, panel, c + begin * c_row,
                                       c_row);
  }
}

template <class V, class Factors>
constexpr ProductKernel product_kernel() {
  return {2 * V::lanes, Factors::lines, Factors::lay, Factors::turn, add_panel<V, Factors>};
}

}  // namespace
}  // namespace sumi
