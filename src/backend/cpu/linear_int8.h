#pragma once

#include <cstddef>

namespace sumi {

// What linears in int8 of every instruction set offer. Files of one instruction set include nothing else, so that no
// function the program shares is compiled for a processor that it may not run on.

/// Rows of x times panels of the weight: y = act(bias + sums) + residual, or values * act(gates) + residual.
struct Int8Task {
  const std::byte* block;       ///< what Int8Kernel::round made of the rows
  std::ptrdiff_t rows, in;      ///< of the block
  const std::byte* panels;      ///< packed: see Int8Kernel::panel_columns
  std::ptrdiff_t first, count;  ///< panels
  std::ptrdiff_t out;           ///< columns of y
  bool gated, silu, gelu;
  const float* bias;     ///< of all columns, or null
  const void* residual;  ///< of the block's first row, or null
  void* y;               ///< of the block's first row
};

/// Linears in int8 of one instruction set. Packed weights are panels of as many rows of the weight, which are columns
/// here; of a gated one, half of them values and half their gates. A panel has
///   float step[columns]            of round_to_int8
///   std::int32_t start[columns]    what its sums begin with: -start_of_one times the column's sum
///   std::int8_t words[in words][columns][per_word]    zeros beyond the weight
struct Int8Kernel {
  std::ptrdiff_t panel_columns, per_word;
  std::ptrdiff_t start_of_one;
  std::ptrdiff_t tile_rows;  ///< that are computed together

  /// Of a block of rows rounded to int8.
  std::size_t (*block_bytes)(std::ptrdiff_t rows, std::ptrdiff_t in);
  /// Rounds rows of x as round_to_int8 does. The block is aligned to a cache line.
  void (*round_f32)(const void* x, std::ptrdiff_t rows, std::ptrdiff_t in, std::byte* block);
  void (*round_bf16)(const void* x, std::ptrdiff_t rows, std::ptrdiff_t in, std::byte* block);
  /// By the type of y.
  void (*run_f32)(const Int8Task& task);
  void (*run_bf16)(const Int8Task& task);
};

namespace avx2 {
extern const Int8Kernel int8_kernel;
}
namespace avx512vnni {
extern const Int8Kernel int8_kernel;
}

}  // namespace sumi
