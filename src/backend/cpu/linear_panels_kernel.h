#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/linear_panels.h"
#include "backend/cpu/product_tile.h"
#include "backend/cpu/simd_math.h"

// Linears over the vector layer V of one instruction set. Words says what a word of 32 bits of the weight and of x
// holds, how they multiply, and what a sum means.
//
// Blocking. Sums stay in registers over the whole row and reach y at once, so nothing is read or written twice:
//   for each block of rows                             (a task, with some of the panels)
//     lay the rows out                                 in L2
//     for each panel of two vectors of columns         in L1 where rows are short, else from L2
//       for each register tile of rows: sums, then y
// With AVX-512 a step takes 14 cycles for 14 rows, in which a panel is read at 9 bytes a cycle and the rows at 4: L2
// gives both. A block's rows are read once for each panel, so they should stay in L2; a panel's columns once for each
// block, so blocks should be large where the weight is not in L2 (see linear_panels.cpp). The first register tile of a
// panel would wait for memory, which does not give 9 bytes a cycle, while all others leave it idle: so each tile
// fetches its share of the next panel where L3 does not keep them.
//
// depth = 64 words: rows lie cut into pieces of 256 bytes, [piece][row][word], so that the distance from row to row is
// a constant and one register addresses a register tile.

namespace sumi {
// Internal linkage: every file has its own copy, compiled with that file's instruction set.
namespace {

template <class V, class Words>
class PanelLinears {
 public:
  static constexpr std::ptrdiff_t panel_columns = 2 * V::lanes;

  static std::size_t block_bytes(std::ptrdiff_t rows, std::ptrdiff_t in) {
    return static_cast<std::size_t>(head_floats(rows) + (in + piece - 1) / piece * rows * depth) * sizeof(float);
  }

  template <class T>
  static void lay(const void* x, std::ptrdiff_t rows, std::ptrdiff_t in, std::byte* block) {
    auto* head = reinterpret_cast<float*>(block);
    const T* from = static_cast<const T*>(x);
    for (std::ptrdiff_t row = 0; row < rows; ++row, from += in) {
      const typename Words::Row laid(from, in, head + row);
      float* to = head + head_floats(rows) + row * depth;
      for (std::ptrdiff_t begin = 0; begin < in; begin += piece, to += rows * depth) {
        const std::ptrdiff_t left = in - begin, count = least(piece, left);
        for (std::ptrdiff_t i = 0; i < count; i += V::lanes) {
          laid.store(to + i / Words::x_per_word, load<V>(from + begin + i, left - i));
        }
      }
    }
  }

  template <class T>
  static void run(const PanelTask& task) {
    const RowTiles<V> tiles(task.rows);
    const std::ptrdiff_t width = task.gated ? V::lanes : panel_columns;
    const auto* head = reinterpret_cast<const float*>(task.block);
    const float* block = head + head_floats(task.rows);
    const std::ptrdiff_t pieces = (task.in + piece - 1) / piece;
    const auto shares = static_cast<std::size_t>(tiles.count * pieces) * 64;
    const bool far = static_cast<std::size_t>(task.count) * task.panel_bytes > l3_share;
    const std::size_t lines = far ? (task.panel_bytes + shares - 1) / shares : 0;
    for (std::ptrdiff_t i = task.first; i < task.first + task.count; ++i) {
      const std::byte* panel = task.panels + static_cast<std::size_t>(i) * task.panel_bytes;
      for (std::ptrdiff_t t = 0; t < tiles.count; ++t) {
        const std::ptrdiff_t row = tiles.begin(t);
        alignas(64) float sums[tile_rows<V> * panel_columns];
        T* y = static_cast<T*>(task.y) + row * task.out + i * width;
        multiply<tile_rows<V>>(
            tiles.size(t), block + row * depth, task.rows * depth, task.in, panel,
            Ahead{y, task.out * static_cast<std::ptrdiff_t>(sizeof(T)),
                  panel + task.panel_bytes + static_cast<std::size_t>(t * pieces) * lines * 64, lines},
            sums);
        const Output<T> output{task, i * width, row, tiles.size(t), head + row, panel};
        task.gated ? output.write_gated(sums) : output.write(sums);
      }
    }
  }

 private:
  using Reg = typename V::Reg;
  static constexpr std::ptrdiff_t lanes = V::lanes;
  static constexpr std::ptrdiff_t depth = 64, piece = depth * Words::x_per_word;
  /// A weight of more is read from memory for each block.
  static constexpr std::size_t l3_share = std::size_t{8} << 20;

  /// A float of each row comes before the words where Words wants it, whole cache lines of them.
  static constexpr std::ptrdiff_t head_floats(std::ptrdiff_t rows) {
    return Words::row_has_step ? (rows + 15) / 16 * 16 : 0;
  }

  // Products.

  /// What is fetched while a register tile is computed.
  struct Ahead {
    void* y;                 ///< the rows that it fills
    std::ptrdiff_t stride;   ///< bytes from one to the next
    const std::byte* panel;  ///< its share of the next one
    std::size_t lines;       ///< of the cache, of that share in each piece of the rows

    void fetch_row(std::ptrdiff_t row) const {
      const char* at = static_cast<const char*>(y) + row * stride;
      __builtin_prefetch(at, 1);
      __builtin_prefetch(at + 64, 1);
    }
    /// Into L2.
    void fetch_line(std::ptrdiff_t number, std::ptrdiff_t line) const {
      __builtin_prefetch(panel + (static_cast<std::size_t>(number) * lines + static_cast<std::size_t>(line)) * 64, 0,
                         2);
    }
  };

  /// sums[row][column].
  template <int rows>
  static void multiply(std::ptrdiff_t count, const float* x, std::ptrdiff_t next_piece, std::ptrdiff_t in,
                       const std::byte* panel, const Ahead& ahead, float* to) {
    if constexpr (rows > 1) {
      if (count < rows) return multiply<rows - 1>(count, x, next_piece, in, panel, ahead, to);
    }
    Reg sums[rows][2];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      sums[i][0] = Words::start(panel, 0);
      sums[i][1] = Words::start(panel, lanes);
    }
    const auto* w = Words::words(panel);
    const std::ptrdiff_t words = (in + Words::per_word - 1) / Words::per_word;
    constexpr std::ptrdiff_t steps = piece / Words::per_word;
    for (std::ptrdiff_t word = 0; word < words; word += steps, x += next_piece, w += steps * panel_columns) {
      multiply_tile<V, Words, depth, 1>(x, w, least(steps, words - word), sums, [&](std::ptrdiff_t step) {
        if (step < rows && word == 0) ahead.fetch_row(step);
        if (step < static_cast<std::ptrdiff_t>(ahead.lines)) ahead.fetch_line(word / steps, step);
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
    const PanelTask& task;
    std::ptrdiff_t column, row, rows;  ///< its first of y, its first of the block
    const float* head;                 ///< of its first row
    const std::byte* panel;

    void write(const float* sums) const {
      for (std::ptrdiff_t half = 0; half < 2 && column + half * lanes < task.out; ++half) {
        const std::ptrdiff_t o = column + half * lanes, left = task.out - o;
        const typename Words::Column columns(panel, half * lanes, bias_of(o, left));
        for (std::ptrdiff_t i = 0; i < rows; ++i) {
          store_result(i, o, left, activate(columns.value(sums + i * panel_columns + half * lanes, head + i)));
        }
      }
    }

    void write_gated(const float* sums) const {
      const std::ptrdiff_t left = task.out - column;
      const typename Words::Column values(panel, 0, bias_of(column, left));
      const typename Words::Column gates(panel, lanes, bias_of(task.out + column, left));
      for (std::ptrdiff_t i = 0; i < rows; ++i) {
        const float* at = sums + i * panel_columns;
        const Reg gate = activate(gates.value(at + lanes, head + i));
        store_result(i, column, left, V::mul(values.value(at, head + i), gate));
      }
    }

   private:
    Reg bias_of(std::ptrdiff_t o, std::ptrdiff_t left) const {
      return task.bias ? load<V>(task.bias + o, left) : V::zero();
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
constexpr PanelKernel panel_kernel(std::ptrdiff_t start_of_one = 0) {
  using Kernel = PanelLinears<V, Words>;
  return {.panel_columns = Kernel::panel_columns,
          .per_word = Words::per_word,
          .word_bytes = sizeof(*Words::words(nullptr)),
          .start_of_one = start_of_one,
          .tile_rows = tile_rows<V>,
          .block_bytes = Kernel::block_bytes,
          .lay_f32 = Kernel::template lay<float>,
          .lay_bf16 = Kernel::template lay<std::uint16_t>,
          .run_f32 = Kernel::template run<float>,
          .run_bf16 = Kernel::template run<std::uint16_t>};
}

}  // namespace
}  // namespace sumi
