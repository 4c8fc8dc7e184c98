#pragma once

#include "backend/cpu/pack_simd.h"
#include "backend/cpu/simd_math.h"

namespace sumi {
// Templates over the vector layer of one instruction set; internal linkage, as that layer has. T is float, or
// std::uint16_t for bf16.
namespace {

/// Squares of one vector a side, of which the tile has `rows` by `columns`.
template <class V, class T, class Store>
[[gnu::always_inline]] inline void pack_square(const float* from, std::ptrdiff_t stride, std::ptrdiff_t rows,
                                               std::ptrdiff_t columns, const std::int64_t* column_at, T* to,
                                               const Store& store) {
  typename V::Reg lines[V::lanes];
#pragma GCC unroll 16
  for (int i = 0; i < V::lanes; ++i) {
    lines[i] = i < rows ? V::load(from + i * stride) : V::zero();
    // Rounding to bf16 by adding would carry some NaNs of files into numbers.
    if constexpr (sizeof(T) == 2) lines[i] = V::with_one_nan(lines[i]);
  }
  V::transpose(lines);
#pragma GCC unroll 16
  for (int j = 0; j < V::lanes; ++j) {
    if (j < columns) store(to + column_at[j], lines[j]);
  }
}

template <class V, class T, class Store>
[[gnu::always_inline]] inline void pack_tile(const PackTile& tile, const std::int64_t* column_at, void* to,
                                             const Store& whole) {
  constexpr std::ptrdiff_t lanes = V::lanes;
  for (std::ptrdiff_t c = 0; c < tile.columns; c += lanes) {
    const std::ptrdiff_t columns = least(lanes, tile.columns - c);
    for (std::ptrdiff_t r = 0; r < tile.rows; r += lanes) {
      const float* from = tile.values + r * tile.stride + c;
      T* at = static_cast<T*>(to) + r;
      const std::ptrdiff_t rows = tile.rows - r;
      if (rows >= lanes && columns == lanes) {
        pack_square<V>(from, tile.stride, lanes, lanes, column_at + c, at, whole);
      } else {
        pack_square<V>(from, tile.stride, rows, columns, column_at + c, at,
                       [&](T* each, typename V::Reg x) { store<V>(each, x, rows); });
      }
    }
  }
}

template <class V>
void pack_f32(const PackTile& tile, const std::int64_t* column_at, void* to) {
  pack_tile<V, float>(tile, column_at, to, [](float* at, typename V::Reg x) { V::store(at, x); });
}

template <class V>
void pack_f32_streamed(const PackTile& tile, const std::int64_t* column_at, void* to) {
  pack_tile<V, float>(tile, column_at, to, [](float* at, typename V::Reg x) { V::stream(at, x); });
  V::streamed();
}

template <class V>
void pack_bf16(const PackTile& tile, const std::int64_t* column_at, void* to) {
  pack_tile<V, std::uint16_t>(tile, column_at, to, [](std::uint16_t* at, typename V::Reg x) { V::store(at, x); });
}

template <class V>
constexpr PackKernel pack_kernel() {
  return {pack_f32<V>, pack_f32_streamed<V>, pack_bf16<V>};
}

}  // namespace
}  // namespace sumi
