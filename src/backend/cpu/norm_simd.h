#pragma once

#include <cstddef>

namespace sumi {

// What the norms of every instruction set offer. Files of one instruction set include nothing else, so that no function
// the program shares is compiled for a processor that it may not run on.

/// Running moments of each channel.
struct ChannelMoments {
  double* mean;
  double* squares;  ///< the sum of squared differences from the mean
};

/// y = act((x - mean[c]) * factor[c] + offset[c]).
struct ChannelMap {
  const float *mean, *factor, *offset;
  bool silu;
};

/// Norms of one instruction set for one storage type; rows of `channels` values lie next to each other.
struct NormKernel {
  /// Adds `pixels` rows, at most `most_pixels`, to the moments of `before` rows. `sums` has room for 2 * channels.
  void (*add_moments)(const void* x, std::ptrdiff_t pixels, std::ptrdiff_t channels, std::ptrdiff_t before,
                      const ChannelMoments& moments, float* sums);
  void (*map)(const void* x, std::ptrdiff_t pixels, std::ptrdiff_t channels, const ChannelMap& map, void* y);
  void (*layer_norm)(const void* x, std::ptrdiff_t rows, std::ptrdiff_t channels, double epsilon, const float* scale,
                     const float* shift, void* y);

  /// With sums about the first value of a channel, the variance of n values is a difference of numbers up to n + 1
  /// times as large (sum of (x - x0)^2 = squares + n (mean - x0)^2, and squares >= (mean - x0)^2, as x0 is one of
  /// them). 128 keeps the worst case at 1e-5 in float32; ordinary values lose nothing.
  static constexpr std::ptrdiff_t most_pixels = 128;
};

namespace avx2 {
extern const NormKernel norm_f32, norm_bf16;
}
namespace avx512 {
extern const NormKernel norm_f32, norm_bf16;
}
namespace neon {
extern const NormKernel norm_f32, norm_bf16;
}

}  // namespace sumi
