#pragma once

#include <span>
#include <vector>

#include "nn/basic.h"
#include "weights/checkpoint.h"

namespace sumi {

/// An ESRGAN's shape, which its file does not say in words: RealESRGAN_x4plus has 23 blocks, its anime_6B six, x2plus
/// 12 input channels.
struct UpscalerConfig {
  std::int64_t channels = 64, growth = 32;
  std::int64_t blocks = 23;
  std::int64_t folded = 1;  ///< pixels along a side that become channels of one before the network: 1, 2 or 4

  /// How many times as high and wide a picture becomes: the network itself makes it four times as large.
  std::int64_t scale() const { return 4 / folded; }
  /// Pixels around a pixel that its result depends on.
  std::int64_t reach() const { return (15 * blocks + 4) * folded; }

  /// From the shapes of the tensors. Error(unsupported) for a file that is no such network.
  static UpscalerConfig infer(const Checkpoint& checkpoint);
};

/// Names of the first ESRGAN's files ("model.1.sub.0.RDB1.conv1.0.weight") for those of the later ones ("body.0.rdb1.
/// conv1.weight"), which the network below has; nothing changes where a file has those.
Names upscaler_names(const Checkpoint& checkpoint);

/// Makes pictures larger and finer: ESRGAN (Wang et al., 2018) and Real-ESRGAN (2021).
class Upscaler {
 public:
  /// Parts of a picture that are computed one by one, in pixels: what limits the memory.
  struct Tiling {
    std::int64_t side = 0;      ///< of what each tile adds; 0 for the picture as a whole
    std::int64_t overlap = 16;  ///< what it sees around that. From config().reach() on, the result is the whole run's
                                ///< but for rounding; less shows only where the network looks far, rarely beyond 10
  };

  /// `loader` is at the root of the checkpoint, with `upscaler_names`. The caller calls its `finish`.
  Upscaler(const UpscalerConfig& config, const Loader& loader);

  const UpscalerConfig& config() const { return config_; }
  /// A picture of 0 to 1, height x width x 3 row by row, gives one scale() times as high and wide; not clamped. Any
  /// size: what does not fold goes on with its last pixels, and is cut again.
  std::vector<float> operator()(Context& ctx, std::span<const float> picture, std::int64_t height, std::int64_t width,
                                const Tiling& tiling) const;
  /// The network alone: (batch, height, width, 3 * folded^2) float32 gives (batch, 4 height, 4 width, 3).
  Tensor run(Context& ctx, const Tensor& x) const;

 private:
  /// Each convolution sees all that came before it.
  struct DenseBlock {
    std::vector<Conv2d> convolutions;

    DenseBlock(const Loader& loader, const UpscalerConfig& config);
    Tensor operator()(Context& ctx, const Tensor& x) const;
  };
  struct Block {
    std::string name;
    std::vector<DenseBlock> dense;

    Block(const Loader& loader, const UpscalerConfig& config);
    Tensor operator()(Context& ctx, const Tensor& x) const;
  };

  UpscalerConfig config_;
  Conv2d first_, body_, up1_, up2_, fine_, last_;
  std::vector<Block> blocks_;
};

}  // namespace sumi
