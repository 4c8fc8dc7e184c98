#pragma once

#include <optional>
#include <vector>

#include "core/settings.h"
#include "nn/basic.h"

namespace sumi {

/// A tiny autoencoder's `config.json` (AutoencoderTiny).
struct TaesdConfig {
  std::int64_t in_channels, out_channels, latent_channels;
  std::int64_t channels;                                     ///< of all layers between
  std::vector<std::int64_t> encoder_blocks, decoder_blocks;  ///< of each level, in the order of running

  /// As VaeConfig's: what the denoiser works on is (latent - shift_factor) * scaling_factor.
  double scaling_factor, shift_factor;

  /// Pixels along a side of one latent: 8 for four levels.
  std::int64_t reduction() const { return std::int64_t{1} << (decoder_blocks.size() - 1); }

  /// Error(bad_file) for values that make no sense, Error(unsupported) for what nothing here computes.
  static TaesdConfig from(const Settings& settings);
};

/// TAESD and TAESDXL (Boer Bohan, 2023): an autoencoder of a hundredth of the work, distilled from the large one and
/// speaking its latents, of plain convolutions. Inputs and results are as the Vae's.
class Taesd {
 public:
  /// `loader` is at the root of the checkpoint. The caller calls its `finish`.
  Taesd(TaesdConfig config, const Loader& loader);

  const TaesdConfig& config() const { return config_; }
  /// (batch, height, width, latent_channels) float32, not scaled, gives pictures of about -1 to 1, `reduction()` times
  /// as high and wide: (batch, ..., out_channels) float32.
  Tensor decode(Context& ctx, const Tensor& latent) const;
  /// Pictures of -1 to 1, (batch, height, width, in_channels) float32, give latents themselves, no distribution:
  /// (batch, height / reduction, width / reduction, latent_channels) float32.
  Tensor encode(Context& ctx, const Tensor& picture) const;

 private:
  /// Three convolutions and a way around them.
  struct Block {
    std::vector<Conv2d> convolutions;

    Block(const Loader& loader, std::int64_t channels);
    Tensor operator()(Context& ctx, Tensor x) const;
  };
  /// Blocks at one resolution and the convolution that leads to it or away from it.
  struct Level {
    std::optional<Conv2d> conv;
    std::vector<Block> blocks;
  };

  void make_encoder(const Loader& loader);
  void make_decoder(const Loader& loader);

  TaesdConfig config_;
  std::vector<Level> encoder_;  ///< its convolution comes first, with the change of resolution
  std::vector<Level> decoder_;  ///< its convolution comes last, after the change of resolution
  std::optional<Conv2d> encoder_out_, decoder_in_;
};

}  // namespace sumi
