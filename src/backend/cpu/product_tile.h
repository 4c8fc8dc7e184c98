#pragma once

#include <cstddef>
#include <cstdint>

// The innermost loop of products of matrices, over the vector layer V of one instruction set.
//
// Register tile: r rows of two vectors take 2 r sums, 2 vectors of the right factor and 1 broadcast of the left.
// Sixteen registers hold r = 6, thirty-two r = 14. One step loads r + 2 and multiplies 2 r times, so two loads a cycle
// keep two multipliers busy, and 12 or 28 independent sums hide their latency of 4 cycles.

namespace sumi {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

template <class V>
constexpr int tile_rows = (V::registers - 3) / 2;

/// n rows in register tiles of nearly one size.
template <class V>
struct RowTiles {
  explicit RowTiles(std::ptrdiff_t rows) : n(rows), count((rows + tile_rows<V> - 1) / tile_rows<V>) {}
  std::ptrdiff_t begin(std::ptrdiff_t tile) const { return n * tile / count; }
  std::ptrdiff_t size(std::ptrdiff_t tile) const { return begin(tile + 1) - begin(tile); }
  std::ptrdiff_t n, count;
};

/// How two words multiply that are one float each.
template <class V>
struct FloatProducts {
  using Value = float;
  static constexpr std::ptrdiff_t per_word = 1;

  static typename V::Reg load_words(const float* from) { return V::load(from); }
  static typename V::Reg multiply_add(typename V::Reg a, typename V::Reg b, typename V::Reg c) {
    return V::fma(a, b, c);
  }
};

/// How a float multiplies with half of a word of two bf16, first the lower: a step of the tile takes two floats.
template <class V>
struct WidenedProducts : FloatProducts<V> {
  static constexpr std::ptrdiff_t per_word = 2;

  static typename V::Reg load_low(const float* from) { return V::widen_low(V::load(from)); }
  static typename V::Reg load_high(const float* from) { return V::widen_high(V::load(from)); }
};

/// How two words multiply that are two bf16 each, neighbours along the summed axis. Words are stored as floats,
/// whatever they hold.
template <class V>
struct PairProducts {
  using Value = std::uint16_t;
  static constexpr std::ptrdiff_t per_word = 2;

  static typename V::Reg load_words(const float* from) { return V::load(from); }
  static typename V::Reg multiply_add(typename V::Reg a, typename V::Reg b, typename V::Reg c) {
    return V::dot_pairs(a, b, c);
  }
};

/// sums[i] += the sum over steps of a[i * next_row + step * next_step] * b[step], a row of two vectors. `Words` says
/// how a vector of b is loaded and how two words multiply; `ahead(step)` may fetch what is needed next. Two steps an
/// iteration brought the weighted sums of attention with 160 channels from 83 % to 87 % of peak.
template <class V, class Words, std::ptrdiff_t next_row, std::ptrdiff_t next_step, int rows, class Right, class Ahead>
[[gnu::always_inline]] inline void multiply_tile(const float* a, const Right* b, std::ptrdiff_t steps,
                                                 typename V::Reg (&sums)[rows][2], const Ahead& ahead) {
#pragma GCC unroll 2
  for (std::ptrdiff_t step = 0; step < steps; ++step) {
    const auto add = [&](auto left, auto right) __attribute__((always_inline)) {
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const auto x = V::broadcast(a + i * next_row);
        sums[i][0] = Words::multiply_add(x, left, sums[i][0]);
        sums[i][1] = Words::multiply_add(x, right, sums[i][1]);
      }
      a += next_step;
    };
    if constexpr (requires { Words::load_low(b); }) {
      add(Words::load_low(b), Words::load_low(b + V::lanes));
      asm("" ::: "memory");  // or the words would stay in registers, which are all taken
      add(Words::load_high(b), Words::load_high(b + V::lanes));
    } else {
      add(Words::load_words(b), Words::load_words(b + V::lanes));
    }
    ahead(step);
    b += 2 * V::lanes;
  }
}

}  // namespace
}  // namespace sumi
