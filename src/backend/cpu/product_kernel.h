#pragma once

#include "backend/cpu/product_simd.h"
#include "backend/cpu/product_tile.h"
#include "backend/cpu/simd_math.h"

namespace sumi {
// Templates over the vector layer of one instruction set; internal linkage, as that layer has.
namespace {

template <class V>
void turn(std::ptrdiff_t rows, std::ptrdiff_t steps, float scale, const float* a, float* turned) {
  constexpr std::ptrdiff_t lanes = V::lanes;
  const auto factor = V::set(scale);
  for (std::ptrdiff_t r = 0; r < rows; r += lanes) {
    for (std::ptrdiff_t step = 0; step < steps; step += lanes) {
      typename V::Reg lines[lanes];
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

/// `count` rows, at most `rows`.
template <class V, int rows>
void add_rows(std::ptrdiff_t count, std::ptrdiff_t steps, const float* a, const float* b, float* c,
              std::ptrdiff_t c_row) {
  if constexpr (rows > 1) {
    if (count < rows) return add_rows<V, rows - 1>(count, steps, a, b, c, c_row);
  }
  typename V::Reg sums[rows][2];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) sums[i][0] = sums[i][1] = V::zero();
  multiply_tile<V, FloatProducts<V>, 1, ProductKernel::most_rows>(a, b, steps, sums, [](std::ptrdiff_t) {});
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i, c += c_row) {
    V::store(c, V::add(V::load(c), sums[i][0]));
    V::store(c + V::lanes, V::add(V::load(c + V::lanes), sums[i][1]));
  }
}

template <class V>
void add_panel(std::ptrdiff_t rows, std::ptrdiff_t steps, const float* a, const float* b, float* c,
               std::ptrdiff_t c_row) {
  const RowTiles<V> tiles(rows);
  for (std::ptrdiff_t i = 0; i < tiles.count; ++i) {
    const std::ptrdiff_t begin = tiles.begin(i);
    add_rows<V, tile_rows<V>>(tiles.size(i), steps, a + begin, b, c + begin * c_row, c_row);
  }
}

template <class V>
constexpr ProductKernel product_kernel() {
  return {2 * V::lanes, turn<V>, add_panel<V>};
}

}  // namespace
}  // namespace sumi
