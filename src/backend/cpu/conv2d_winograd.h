#pragma once

#include <cstddef>

namespace sumi {

// What Winograd's convolution of every instruction set offers. Files of one instruction set include nothing else, so
// that no function the program shares is compiled for a processor that it may not run on.

/// A convolution of 3 x 3 taps, next to each other, of x or x upsampled by square tiles of results, which are numbered
/// picture by picture and row by row. The last of a row or column may hang over.
struct WinogradShape {
  std::ptrdiff_t height, width, channels;              ///< of x
  std::ptrdiff_t out_height, out_width, out_channels;  ///< of y
  std::ptrdiff_t top, left;                            ///< rows and columns of zeros before x

  std::ptrdiff_t down(std::ptrdiff_t tile) const { return (out_height + tile - 1) / tile; }
  std::ptrdiff_t across(std::ptrdiff_t tile) const { return (out_width + tile - 1) / tile; }
  std::ptrdiff_t tiles(std::ptrdiff_t tile) const { return down(tile) * across(tile); }  ///< of a picture
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
  const void* filters;          ///< packed: see WinogradKernel::per_word
  const float* transformed;     ///< the same filters, or null: see WinogradKernel::transform_filters
  std::ptrdiff_t first, count;  ///< the group's tiles
  std::ptrdiff_t first_filter;
  void* y;
};

/// What is not products, in products of a point: inputs as so many filters, sums as channels, filters as tiles.
struct WinogradCosts {
  double inputs, sums, filters;
};

/// Winograd's convolution of one instruction set for one storage type. What is multiplied are words of a float's size,
/// of one channel or two: packed filters are [word][tap][filter of the block][channel of the word], with zeros after
/// the last filter and channel.
struct WinogradKernel {
  std::ptrdiff_t tile;        ///< results along an axis
  std::ptrdiff_t points;      ///< products of a tile, channel and filter
  std::ptrdiff_t per_word;    ///< channels
  std::ptrdiff_t filters;     ///< of a block
  std::ptrdiff_t most_tiles;  ///< of a group whose filters are transformed for it alone
  std::ptrdiff_t own_tiles;   ///< of a group whose filters were transformed before
  WinogradCosts costs;

  /// Words of the transformed inputs of a group of so many tiles.
  std::ptrdiff_t (*input_words)(std::ptrdiff_t channels, std::ptrdiff_t tiles);
  /// Words of a block of transformed filters.
  std::ptrdiff_t (*filter_words)(std::ptrdiff_t channels);
  std::size_t (*scratch_bytes)(std::ptrdiff_t tiles);
  /// Transforms tiles of x from number `first` on, which begin at `place` in their group of `count`, into the group's
  /// `inputs`.
  void (*transform)(const WinogradShape& shape, const void* x, std::ptrdiff_t first, std::ptrdiff_t tiles,
                    std::ptrdiff_t place, std::ptrdiff_t count, float* inputs);
  void (*transform_filters)(std::ptrdiff_t channels, const void* packed, float* transformed);
  /// `inputs`, `transformed` and scratch are aligned to a cache line.
  void (*run)(const WinogradShape& shape, const WinogradEpilogue& epilogue, const WinogradTask& task,
              std::byte* scratch);
};

namespace avx2 {
extern const WinogradKernel winograd_f32, winograd_bf16, upsampled_f32, upsampled_bf16;
}
namespace avx512 {
extern const WinogradKernel winograd_f32, winograd_bf16, winograd_bf16_pairs;
extern const WinogradKernel upsampled_f32, upsampled_bf16, upsampled_bf16_pairs;
}  // namespace avx512
namespace avx512bf16 {
extern const WinogradKernel winograd_bf16_pairs, upsampled_bf16_pairs;
}
namespace neon {
extern const WinogradKernel winograd_f32, winograd_bf16, upsampled_f32, upsampled_bf16;
}

}  // namespace sumi
