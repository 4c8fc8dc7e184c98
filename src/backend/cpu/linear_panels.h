#pragma once

#include <cstddef>

namespace sumi {

// What linears of every instruction set and arithmetic offer. Files of one instruction set include nothing else, so
// that no function the program shares is compiled for a processor that it may not run on.

/// A block of rows of x times panels of the weight: y = act(bias + sums) + residual, or
/// values * act(gates) + residual.
struct PanelTask {
  const std::byte* block;       ///< what PanelKernel::lay made of the rows
  std::ptrdiff_t rows, in;      ///< of the block
  const std::byte* panels;      ///< packed
  std::size_t panel_bytes;      ///< from a panel to the next
  std::ptrdiff_t first, count;  ///< panels
  std::ptrdiff_t out;           ///< columns of y
  bool gated, silu, gelu;
  const float* bias;     ///< of all columns, or null
  const void* residual;  ///< of the block's first row, or null
  void* y;               ///< of the block's first row
};

/// Linears of one arithmetic and instruction set. Packed weights are panels of as many rows of the weight, which are
/// columns here; of a gated one, half of them values and half their gates. A panel has words[in words][column], each of
/// `per_word` neighbouring inputs, zeros beyond the weight; before them, of int8,
///   float step[columns]            of round_to
///   std::int32_t start[columns]    what its sums begin with: -start_of_one times the column's sum
struct PanelKernel {
  std::ptrdiff_t panel_columns, per_word;
  std::size_t word_bytes;       ///< of the weight
  std::ptrdiff_t start_of_one;  ///< of int8
  std::ptrdiff_t tile_rows;     ///< that are computed together

  /// Of a block of rows laid out for this arithmetic.
  std::size_t (*block_bytes)(std::ptrdiff_t rows, std::ptrdiff_t in);
  /// Lays rows of x out; int8 rounds as round_to does. The block is aligned to a cache line.
  void (*lay_f32)(const void* x, std::ptrdiff_t rows, std::ptrdiff_t in, std::byte* block);
  void (*lay_bf16)(const void* x, std::ptrdiff_t rows, std::ptrdiff_t in, std::byte* block);
  /// By the type of y.
  void (*run_f32)(const PanelTask& task);
  void (*run_bf16)(const PanelTask& task);
};

namespace avx2 {
extern const PanelKernel int8_panels, f32_panels, bf16_panels;
}
namespace avx512 {
extern const PanelKernel f32_panels, bf16_panels, bf16_pair_panels;
}
namespace avx512bf16 {
extern const PanelKernel bf16_pair_panels;
}
namespace avx512vnni {
extern const PanelKernel int8_panels;
}
namespace neon {
extern const PanelKernel int8_panels, f32_panels, bf16_panels;
}

}  // namespace sumi
