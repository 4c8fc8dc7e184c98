#pragma once

#include <vector>

#include "models/residuals.h"
#include "models/unet_encoder.h"

namespace sumi {

/// A UNet's `config.json`, one entry for each stage.
struct UNetConfig : UNetEncoderConfig {
  std::int64_t out_channels;
  std::int64_t sample_size;  ///< height and width of the latents it was trained on
  std::vector<Stage> up;

  /// Error(bad_file) for values that make no sense, Error(unsupported) for what nothing here computes.
  static UNetConfig from(const Settings& settings);
};

/// What lets a step leave out the deep layers of a UNet: the deeper, the less changes from one step to the next (Ma et
/// al., 2024). A full step keeps what enters the first of the last `layers` layers of the way up. A step that reuses it
/// computes only those, and on the way down only the layers whose results those look at.
struct FeatureCache {
  std::size_t layers;  ///< from 1 to all layers of the way up
  bool reuse = false;  ///< in this step; only after a full one for latents of the same shape
  Tensor state = {};   ///< in the arena of the last full step
};

/// What a prediction may use besides its inputs.
struct UNetOptions {
  const Residuals* residuals = nullptr;  ///< of ControlNets, weighted
  FeatureCache* cache = nullptr;
  TokenMerger* merger = nullptr;
};

/// The denoiser of latent diffusion (Rombach et al., 2022): a UNet of resnet blocks and transformers that look at the
/// prompt.
class UNet {
 public:
  using Prompt = UNetEncoder::Prompt;
  using Conditioning = UNetEncoder::Conditioning;

  /// `loader` is at the root of the checkpoint. The caller calls its `finish`.
  UNet(UNetConfig config, const Loader& loader);

  const UNetConfig& config() const { return config_; }
  /// Whether parts of a batch that differ in their prompt alone, those of guidance, share what comes before the first
  /// look at it, so that the latents of one will do. Not where the time embedding sees the prompt; nor with residuals,
  /// which are of all.
  bool shares_parts() const { return config_.added_channels == 0; }
  /// The result lies in ctx's arena.
  Conditioning prepare(Context& ctx, const Prompt& prompt) const;
  /// What the model was trained to predict, noise or velocity: (batch, height, width, out_channels) float32.
  /// latent: (batch, height, width, in_channels) float32, any height and width; timesteps: (batch) float32. Where
  /// `shares_parts`, a latent of fewer rows stands for itself again and again.
  Tensor operator()(Context& ctx, const Tensor& latent, const Tensor& timesteps, const Conditioning& conditioning,
                    const UNetOptions& options = {}) const;

 private:
  /// What enters the way up: made, or kept by the cache.
  Tensor down(Context& ctx, const Tensor& latent, std::vector<Tensor>& skips, const UNetStep& step,
              const UNetOptions& options) const;
  Tensor up(Context& ctx, Tensor x, std::vector<Tensor>& skips, const UNetStep& step, FeatureCache* cache) const;

  UNetConfig config_;
  UNetEncoder encoder_;
  std::size_t transformers_;
  Conv2d conv_out_;
  GroupNorm norm_out_;
  std::vector<UNetStage> up_;
};

}  // namespace sumi
