#pragma once

#include <string>

#include "core/settings.h"
#include "nn/attention.h"

namespace sumi {

/// The transformer of a CLIP encoder, of text or of pictures.
struct ClipLayersConfig {
  std::int64_t channels, inner_channels, layers, heads;
  double epsilon = 1e-5;
  Activation activation = Activation::quick_gelu;

  /// What the settings leave out is as in `otherwise`. Error(bad_file, unsupported).
  static ClipLayersConfig from(const Settings& settings, const ClipLayersConfig& otherwise);
};

/// One of its layers: attention and two linears, each on the normalised sum of what came before.
struct ClipLayer {
  std::string name;
  LayerNorm norm1, norm2;
  SelfAttention attention;
  Linear up, down;
  Activation activation;

  ClipLayer(const Loader& loader, const ClipLayersConfig& config, bool causal);

  /// x: (batch, tokens, channels).
  Tensor operator()(Context& ctx, Tensor x) const;
};

}  // namespace sumi
