#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/settings.h"
#include "nn/attention.h"
#include "nn/resnet.h"

namespace sumi {

/// An autoencoder's `config.json`.
struct VaeConfig {
  std::int64_t in_channels, out_channels, latent_channels;
  std::vector<std::int64_t> channels;  ///< of each level, from pictures to latents
  std::int64_t layers;                 ///< resnet blocks of an encoder level; the decoder has one more
  std::int64_t groups;
  std::int64_t sample_size;  ///< height and width of the pictures it was trained on
  bool middle_attention, quant_conv, post_quant_conv;
  bool force_upcast;  ///< overflows in float16: SDXL's, which says so itself

  /// What the denoiser works on is (latent - shift_factor) * scaling_factor.
  double scaling_factor, shift_factor;

  /// Pixels along a side of one latent: 8 for four levels.
  std::int64_t reduction() const { return std::int64_t{1} << (channels.size() - 1); }

  /// Error(bad_file) for values that make no sense, Error(unsupported) for what nothing here computes.
  static VaeConfig from(const Settings& settings);
};

/// The autoencoder of latent diffusion (Rombach et al., 2022), called AutoencoderKL.
class Vae {
 public:
  /// The distribution of a picture's latents, on the host: (batch, height, width, latent_channels) each.
  struct Gaussian {
    std::vector<float> mean, log_variance;
  };

  /// `loader` is at the root of the checkpoint, with `vae_names`. The caller calls its `finish`.
  Vae(VaeConfig config, const Loader& loader);

  const VaeConfig& config() const { return config_; }
  /// (batch, height, width, latent_channels) float32, not scaled, gives pictures of about -1 to 1, `reduction()` times
  /// as high and wide: (batch, ..., out_channels) float32.
  Tensor decode(Context& ctx, const Tensor& latent) const;
  /// Pictures of -1 to 1, (batch, height, width, in_channels) float32, give the moments of their latents:
  /// (batch, height / reduction, width / reduction, 2 * latent_channels) float32, the means first.
  Tensor encode(Context& ctx, const Tensor& picture) const;
  /// Moments as `encode` gives them; logarithms of variances are limited to -30..20, as in training.
  Gaussian gaussian(Context& ctx, const Tensor& moments) const;

 private:
  /// One head over all channels, with its norm and a way around it.
  struct PictureAttention {
    std::string name;
    GroupNorm norm;
    SelfAttention attention;

    PictureAttention(const Loader& loader, std::int64_t channels, std::int64_t groups);
    Tensor operator()(Context& ctx, Tensor x) const;
  };
  struct Level {
    std::vector<ResnetBlock> resnets;
    std::optional<Downsample> downsample;
    std::optional<Upsample> upsample;

    Level(const Loader& loader, std::int64_t in, std::int64_t out, std::int64_t layers, std::int64_t groups);
    Tensor operator()(Context& ctx, Tensor x) const;
  };
  struct Middle {
    ResnetBlock before, after;
    std::optional<PictureAttention> attention;

    Middle(const Loader& loader, std::int64_t channels, const VaeConfig& config);
    Tensor operator()(Context& ctx, Tensor x) const;
  };
  /// Both ways: a convolution in, levels with the middle at their deep end, norm and convolution out.
  struct Coder {
    Conv2d conv_in, conv_out;
    GroupNorm norm_out;
    Middle middle;
    std::vector<Level> levels;
  };

  static Coder make_encoder(const Loader& loader, const VaeConfig& config);
  static Coder make_decoder(const Loader& loader, const VaeConfig& config);

  VaeConfig config_;
  Coder encoder_, decoder_;
  std::optional<Linear> quant_, post_quant_;
};

}  // namespace sumi
