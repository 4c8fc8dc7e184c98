#pragma once

#include <cstddef>

namespace sumi {

// What Winograd's convolution of every instruction set offers. Files of one instruction set include nothing else, so
// that no function the program shares is compiled for a processor that it may not run on.

/// A convolution of 3 x 3 taps, a step apart, by tiles of 4 x 4 results, which are numbered picture by picture and row
/// by row. The last of a row or column may hang over.
struct WinogradShape {
  std::ptrdiff_t height, width, channels;              ///< of x
  std::ptrdiff_t out_height, out_width, out_channels;  ///< of y
  std::ptrdiff_t top, left;                            ///< rows and columns of zeros before x

  std::ptrdiff_t down() const { return (out_height + 3) / 4; }
  std::ptrdiff_t across() const { return (out_width + 3) / 4; }
  std::ptrdiff_t tiles() const { return down() * across(); }  ///< of a picture
};

/// y = act(bias + row + the sum) + residual. Null where there is none.
struct WinogradEpilogue {
  const float* bias;
  const void *row, *residual;
  bool silu;
  float negative_slope;  ///< of other activations: 1 for none, 0 for relu
};

/// The results of some tiles for a block of filters.
struct WinogradTask {
  const float* inputs;          ///< transformed, of a group of tiles: see WinogradKernel::transform
  const void* filters;          ///< packed: [channel][tap][filter of the block], zeros after the last filter
  std::ptrdiff_t first, count;  ///< the group's tiles
  std::ptrdiff_t first_filter;
  void* y;
};

/// Winograd's convolution of one instruction set for one storage type.
struct WinogradKernel {
  std::ptrdiff_t filters;     ///< of a block
  std::ptrdiff_t depth;       ///< channels that are transformed together
  std::ptrdiff_t most_tiles;  ///< of a group

  /// Floats of the transformed inputs of a group of so many tiles.
  std::ptrdiff_t (*input_floats)(std::ptrdiff_t channels, std::ptrdiff_t tiles);
  std::size_t (*scratch_bytes)(std::ptrdiff_t tiles);
  /// Transforms tile `number` of x, the `place`-th of its group of `count`, into the group's `inputs`.
  void (*transform)(const WinogradShape& shape, const void* x, std::ptrdiff_t number, std::ptrdiff_t place,
                    std::ptrdiff_t count, float* inputs);
  /// `inputs` and scratch are aligned to a cache line.
  void (*run)(const WinogradShape& shape, const WinogradEpilogue& epilogue, const WinogradTask& task,
              std::byte* scratch);
};

namespace avx2 {
extern const WinogradKernel winograd_f32, winograd_bf16;
}
namespace avx512 {
extern const WinogradKernel winograd_f32, winograd_bf16;
}
namespace neon {
extern const WinogradKernel winograd_f32, winograd_bf16;
}

}  // namespace sumi
