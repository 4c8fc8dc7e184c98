#pragma once

#include <optional>

#include "nn/basic.h"
#include "ops/layout.h"

namespace sumi {

/// Two convolutions, each on the normalised and activated input, and a way around them (He et al., 2016); the first
/// adds the time embedding to every pixel.
struct ResnetBlock {
  struct Sizes {
    std::int64_t in, out, groups;
    double epsilon;
    std::int64_t time = 0;  ///< channels of the time embedding; 0 where there is none
  };

  std::string name;
  GroupNorm norm1, norm2;
  Conv2d conv1, conv2;
  std::optional<Linear> time_projection;
  std::optional<Linear> shortcut;  ///< where the number of channels changes

  ResnetBlock(const Loader& loader, const Sizes& sizes);

  /// x: (batch, height, width, in); time: (batch, time channels), after its SiLU.
  Tensor operator()(Context& ctx, Tensor x, const Tensor& time = {}) const;
};

/// Halves height and width. `padding` {0, 0, 1, 1} is the autoencoder's.
struct Downsample {
  Conv2d conv;

  Downsample(const Loader& loader, std::int64_t channels, const Conv2dOp::Padding& padding = {1, 1, 1, 1});

  Tensor operator()(Context& ctx, const Tensor& x) const { return conv(ctx, x); }
};

/// Repeats pixels up to a given size, then convolves.
struct Upsample {
  Conv2d conv;

  Upsample(const Loader& loader, std::int64_t channels);

  Tensor operator()(Context& ctx, Tensor x, std::int64_t height, std::int64_t width) const;
};

}  // namespace sumi
