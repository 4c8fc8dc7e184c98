#pragma once

#include <variant>
#include <vector>

#include "models/taesd.h"
#include "models/tiling.h"
#include "models/vae.h"

namespace sumi {

/// The way between pictures and the latents that a denoiser works on, by either kind of autoencoder.
class Autoencoder {
 public:
  explicit Autoencoder(Vae vae);
  explicit Autoencoder(Taesd taesd);

  std::int64_t latent_channels() const { return latent_channels_; }
  /// Pixels along a side of one latent.
  std::int64_t reduction() const { return reduction_; }

  /// One picture of about -1 to 1, (height, width, 3) on the host, from scaled latents (1, height / reduction, width /
  /// reduction, latent_channels) float32. `tiled`: in overlapping pieces where it is larger than what the model was
  /// trained on.
  std::vector<float> decode(Context& ctx, const Tensor& latents, bool tiled) const;
  /// The latents of one picture of -1 to 1, (1, height, width, 3) float32, not scaled yet: a distribution, or, without
  /// log variances, the latents themselves.
  Vae::Gaussian encode(Context& ctx, const Tensor& picture, bool tiled) const;
  double scaled(double latent) const { return (latent - shift_) * scale_; }

 private:
  Tensor run_decoder(Context& ctx, const Tensor& latents) const;
  Tensor run_encoder(Context& ctx, const Tensor& picture) const;
  /// Of its activations: ctx's, or a wider one where its values outgrow that.
  DType type(const Context& ctx) const;

  std::variant<Vae, Taesd> model_;
  std::int64_t latent_channels_, reduction_;
  double scale_, shift_;
  Tiling decoding_, encoding_;
};

}  // namespace sumi
