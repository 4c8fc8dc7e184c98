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

/// Words come to lie before the values that are still to be read.
template <class V>
void pack_pairs(float* row, std::ptrdiff_t columns, std::ptrdiff_t gap) {
  const auto round = [](const float* from, std::ptrdiff_t left, std::uint16_t* to) {
    V::store(to, V::with_one_nan(load<V>(from, left)));
  };
  if (gap == 1) {
    auto* to = reinterpret_cast<std::uint16_t*>(row);
    for (std::ptrdiff_t i = 0; i < columns; i += V::lanes) round(row + i, columns - i, to + i);
    return;
  }
  float* to = row;
  for (const float* from = row; from < row + columns; from += 2 * gap) {
    for (std::ptrdiff_t i = 0; i < gap; i += V::lanes) {
      const std::ptrdiff_t count = least(V::lanes, gap - i);
      std::uint16_t low[V::lanes], high[V::lanes];
      float words[V::lanes];
      round(from + i, count, low);
      round(from + gap + i, count, high);
      for (int j = 0; j < V::lanes; ++j) words[j] = __builtin_bit_cast(float, low[j] | std::uint32_t{high[j]} << 16);
      store<V>(to, V::load(words), count);
      to += count;
    }
  }
}

template <class V>
constexpr PackKernel pack_kernel() {
  return {pack_f32<V>, pack_f32_streamed<V>, pack_bf16<V>, pack_pairs<V>};
}

}  // namespace
}  // namespace sumi
