#pragma once

#include <vector>

#include "models/residuals.h"
#include "models/unet.h"

namespace sumi {

/// A ControlNet's `config.json`.
struct ControlNetConfig {
  UNetEncoderConfig encoder;
  std::int64_t picture_channels;
  std::vector<std::int64_t> levels;  ///< channels of the picture's embedding, each level at half the size of the last

  /// Pixels of the picture along a side of one latent: 8 for four levels.
  std::int64_t reduction() const { return std::int64_t{1} << (levels.size() - 1); }
  /// Error(bad_model) saying what differs where it, which comes from `where`, was not made for UNets of this kind.
  void check_fits(const UNetConfig& unet, const std::string& where) const;

  /// Error(bad_file) for values that make no sense, Error(unsupported) for what nothing here computes: pictures that
  /// work by their mean only (`global_pool_conditions`), channels from blue to red, unions of several ControlNets.
  static ControlNetConfig from(const Settings& settings);
};

/// A second way down that looks at a picture, as edges or a pose, and tells the UNet what it saw (Zhang et al., 2023).
class ControlNet {
 public:
  /// `loader` is at the root of the checkpoint. The caller calls its `finish`.
  ControlNet(ControlNetConfig config, const Loader& loader);

  const ControlNetConfig& config() const { return config_; }
  /// Pictures of 0 to 1, (n, height, width, picture_channels) float32, as the latents see them, once for all steps:
  /// (batch, height / reduction, width / reduction, channels of the first stage). All n again and again where `batch`
  /// is a multiple of n.
  Tensor embed(Context& ctx, const Tensor& pictures, std::int64_t batch) const;
  /// Its own keys and values of the prompt. The result lies in ctx's arena.
  UNetEncoder::Conditioning prepare(Context& ctx, const UNetEncoder::Prompt& prompt) const;
  /// Arguments as the UNet's, but always the latents alone, no mask and no other picture beside them; `hint` is what
  /// `embed` gave. Not weighted yet.
  Residuals operator()(Context& ctx, const Tensor& latent, const Tensor& timesteps,
                       const UNetEncoder::Conditioning& conditioning, const Tensor& hint) const;

 private:
  ControlNetConfig config_;
  UNetEncoder encoder_;
  std::vector<Conv2d> embedding_;
  std::vector<Linear> outputs_;  ///< for each skip and the middle; zero before training
};

}  // namespace sumi
