#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/linear_int8.h"
#include "backend/cpu/product_tile.h"
#include "backend/cpu/simd_math.h"

// Linears in int8 over the vector layer V of one instruction set. A word of 32 bits holds Words::per_word factors,
// neighbours along the summed axis; Words says how they multiply, four in int8 by VNNI, two in int16 without it.
//
// Blocking. Sums stay in registers over the whole row and reach y at once, so nothing is read or written twice:
//   for each block of rows                             (a task, with some of the panels)
//     round the rows to int8                           in L2
//     for each panel of two vectors of columns         in L1 where rows are short, else from L2
//       for each register tile of rows: sums, then y
// With AVX-512 a step of 4 factors takes 14 cycles for 14 rows, in which a panel is read at 9 bytes a cycle and the
// rows at 4: L2 gives both. A block's rows are read once for each panel, so they should stay in L2; a panel's columns
// once for each block, so blocks should be large where the weight is not in L2 (see linear_int8.cpp).
//
// depth = 64 words: rows lie cut into pieces of 256 bytes, [piece][row][word], so that the distance from row to row is
// a constant and one register addresses a register tile.

namespace sumi {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

template <class V, class Words>
class Int8 {
 public:
  static constexpr std::ptrdiff_t panel_columns = 2 * V::lanes;

  static std::size_t block_bytes(std::ptrdiff_t rows, std::ptrdiff_t in) {
    const std::ptrdiff_t pieces = (in + piece - 1) / piece;
    return static_cast<std::size_t>(steps_floats(rows) + pieces * rows * depth) * sizeof(float);
  }

  template <class T>
  static void round(const void* x, std::ptrdiff_t rows, std::ptrdiff_t in, std::byte* block) {
    auto* steps = reinterpret_cast<float*>(block);
    const T* from = static_cast<const T*>(x);
    for (std::ptrdiff_t row = 0; row < rows; ++row, from += in) {
      const Rounding rounding = rounding_of(from, in);
      steps[row] = rounding.step;
      const Reg scale = V::set(rounding.scale);
      float* to = steps + steps_floats(rows) + row * depth;
      for (std::ptrdiff_t begin = 0; begin < in; begin += piece, to += rows * depth) {
        const std::ptrdiff_t left = in - begin, count = least(piece, left);
        for (std::ptrdiff_t i = 0; i < count; i += V::lanes) {
          Words::store_rounded(to + i / Words::per_word, V::mul(load<V>(from + begin + i, left - i), scale));
        }
      }
    }
  }

  template <class T>
  static void run(const Int8Task& task) {
    const RowTiles<V> tiles(task.rows);
    const std::ptrdiff_t words = (task.in + Words::per_word - 1) / Words::per_word;
    const auto* panel = reinterpret_cast<const float*>(task.panels);
    const std::ptrdiff_t width = task.gated ? V::lanes : panel_columns;
    const auto* steps = reinterpret_cast<const float*>(task.block);
    for (std::ptrdiff_t i = task.first; i < task.first + task.count; ++i) {
      const float* here = panel + i * panel_floats(words);
      for (std::ptrdiff_t t = 0; t < tiles.count; ++t) {
        const std::ptrdiff_t row = tiles.begin(t);
        alignas(64) float sums[tile_rows<V> * panel_columns];
        T* y = static_cast<T*>(task.y) + row * task.out + i * width;
        multiply<tile_rows<V>>(tiles.size(t), steps + steps_floats(task.rows) + row * depth, task.rows * depth, here,
                               words, Ahead{y, task.out * static_cast<std::ptrdiff_t>(sizeof(T))}, sums);
        const Output<T> output{task, i * width, row, tiles.size(t), steps + row, here};
        task.gated ? output.write_gated(sums) : output.write(sums);
      }
    }
  }

 private:
  using Reg = typename V::Reg;
  static constexpr std::ptrdiff_t lanes = V::lanes;
  static constexpr std::ptrdiff_t depth = 64, piece = depth * Words::per_word;

  /// The steps of a block's rows come before its words, whole cache lines of them.
  static constexpr std::ptrdiff_t steps_floats(std::ptrdiff_t rows) { return (rows + 15) / 16 * 16; }
  static constexpr std::ptrdiff_t panel_floats(std::ptrdiff_t words) {
    return panel_columns * 2 + panel_columns * words * Words::per_word / static_cast<std::ptrdiff_t>(sizeof(float));
  }

  // Rounding.

  struct Rounding {
    float step, scale;  ///< scale = 1 / step
  };

  /// As round_to_int8: magnitudes as whole numbers are in the same order, and those that are not finite come last.
  template <class T>
  static Rounding rounding_of(const T* row, std::ptrdiff_t in) {
    Reg most = V::zero();
    for (std::ptrdiff_t i = 0; i < in; i += lanes) most = V::larger_magnitude(most, load<V>(row + i, in - i));
    const float largest = V::largest(most);
    if (!(largest < __builtin_inff())) return {__builtin_nanf(""), 0};
    if (largest < 0x1p-100f) return {0, 0};
    return {largest / 127.0f, 127.0f / largest};
  }

  // Products.

  /// Rows of y that a register tile fills: what they hold is fetched while it is computed.
  struct Ahead {
    void* y;
    std::ptrdiff_t stride;  ///< bytes
    void fetch(std::ptrdiff_t row) const {
      const char* at = static_cast<const char*>(y) + row * stride;
      __builtin_prefetch(at, 1);
      __builtin_prefetch(at + 64, 1);
    }
  };

  /// sums[row][column]: whole numbers of 32 bits.
  template <int rows>
  static void multiply(std::ptrdiff_t count, const float* x, std::ptrdiff_t next_piece, const float* panel,
                       std::ptrdiff_t words, const Ahead& ahead, float* to) {
    if constexpr (rows > 1) {
      if (count < rows) return multiply<rows - 1>(count, x, next_piece, panel, words, ahead, to);
    }
    const float* start = panel + panel_columns;
    const auto* w = reinterpret_cast<const typename Words::Stored*>(start + panel_columns);
    Reg sums[rows][2];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      sums[i][0] = V::load(start);
      sums[i][1] = V::load(start + lanes);
    }
    for (std::ptrdiff_t word = 0; word < words; word += depth, x += next_piece, w += depth * panel_columns) {
      const std::ptrdiff_t left = words - word;
      multiply_tile<V, Words, depth, 1>(x, w, least(depth, left), sums, [&](std::ptrdiff_t step) {
        if (step < rows && word == 0) ahead.fetch(step);
      });
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      V::store(to + i * panel_columns, sums[i][0]);
      V::store(to + i * panel_columns + lanes, sums[i][1]);
    }
  }

  // Results.

  /// Where the sums of a register tile go.
  template <class T>
  struct Output {
    const Int8Task& task;
    std::ptrdiff_t column, row, rows;  ///< its first of y, its first of the block
    const float *x_steps, *w_steps;

    void write(const float* sums) const {
      for (std::ptrdiff_t half = 0; half < 2 && column + half * lanes < task.out; ++half) {
        const std::ptrdiff_t o = column + half * lanes, left = task.out - o;
        const Reg steps = V::load(w_steps + half * lanes), bias = bias_of(o, left);
        for (std::ptrdiff_t i = 0; i < rows; ++i) {
          store_result(i, o, left, activate(value(sums + i * panel_columns + half * lanes, i, steps, bias)));
        }
      }
    }

    void write_gated(const float* sums) const {
      const std::ptrdiff_t left = task.out - column;
      const Reg steps = V::load(w_steps), gate_steps = V::load(w_steps + lanes);
      const Reg bias = bias_of(column, left), gate_bias = bias_of(task.out + column, left);
      for (std::ptrdiff_t i = 0; i < rows; ++i) {
        const float* at = sums + i * panel_columns;
        const Reg gate = activate(value(at + lanes, i, gate_steps, gate_bias));
        store_result(i, column, left, V::mul(value(at, i, steps, bias), gate));
      }
    }

   private:
    Reg bias_of(std::ptrdiff_t o, std::ptrdiff_t left) const {
      return task.bias ? load<V>(task.bias + o, left) : V::zero();
    }
    Reg value(const float* sums, std::ptrdiff_t i, Reg steps, Reg bias) const {
      return V::fma(Words::to_float(V::load(sums)), V::mul(V::broadcast(x_steps + i), steps), bias);
    }
    Reg activate(Reg x) const { return task.gelu ? gelu<V>(x) : task.silu ? silu<V>(x) : x; }
    void store_result(std::ptrdiff_t i, std::ptrdiff_t o, std::ptrdiff_t left, Reg result) const {
      const std::ptrdiff_t at = (row + i) * task.out + o;
      if (task.residual) result = V::add(result, load<V>(static_cast<const T*>(task.residual) + at, left));
      store<V>(static_cast<T*>(task.y) + at, result, left);
    }
  };
};

template <class V, class Words>
constexpr Int8Kernel make_int8_kernel() {
  using Kernel = Int8<V, Words>;
  return {.panel_columns = Kernel::panel_columns,
          .per_word = Words::per_word,
          .start_of_one = Words::start_of_one,
          .tile_rows = tile_rows<V>,
          .block_bytes = Kernel::block_bytes,
          .round_f32 = Kernel::template round<float>,
          .round_bf16 = Kernel::template round<std::uint16_t>,
          .run_f32 = Kernel::template run<float>,
          .run_bf16 = Kernel::template run<std::uint16_t>};
}

}  // namespace
}  // namespace sumi
