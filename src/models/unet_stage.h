#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nn/resnet.h"
#include "nn/transformer.h"

namespace sumi {

/// What all layers of a UNet share in one step.
struct UNetStep {
  Tensor time;                                  ///< (the prompt's batch, time channels), after its SiLU
  std::span<const std::vector<KeyValue>> keys;  ///< the prompt's, of each transformer, of each of its blocks
  TokenMerger* merger = nullptr;                ///< of the transformers' tokens, where some merge

  /// As many rows as x has: of one part of guidance before it looks at the prompt (see UNet), of all after.
  Tensor time_of(const Tensor& x) const { return time.slice(0, x.size(0)); }
};

/// Resnet blocks, each with a transformer after it or none with one; then a change of resolution.
struct UNetStage {
  struct Sizes {
    std::int64_t channels;
    std::int64_t layers;               ///< resnet blocks
    std::vector<std::int64_t> depths;  ///< transformer blocks after each resnet block; empty without attention
    std::int64_t heads, prompt_channels;
  };
  /// What all stages have in common.
  struct Common {
    std::int64_t groups;
    double epsilon;
    std::int64_t time_channels;
  };

  std::string name;
  std::vector<ResnetBlock> resnets;
  std::vector<SpatialTransformer> transformers;
  std::size_t first_transformer;  ///< index in UNetStep::keys
  std::optional<Downsample> downsample;
  std::optional<Upsample> upsample;

  /// `inputs`: the channels that each resnet block gets.
  UNetStage(const Loader& loader, const Sizes& sizes, std::span<const std::int64_t> inputs, const Common& common,
            std::size_t first_transformer);

  /// Adds the keys and values of its transformers; the first `silent` of the batch are zeros.
  void prepare(Context& ctx, const Tensor& tokens, std::int64_t silent, std::vector<std::vector<KeyValue>>& keys) const;
  /// Resnet block i and the transformer after it, if there is one.
  Tensor layer(Context& ctx, std::size_t i, Tensor x, const UNetStep& step) const;
  Tensor transform(Context& ctx, std::size_t i, Tensor x, const UNetStep& step) const;
};

}  // namespace sumi
