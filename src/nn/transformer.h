#pragma once

#include <span>
#include <vector>

#include "nn/attention.h"
#include "nn/token_merger.h"

namespace sumi {

/// GEGLU, four times as wide inside (Shazeer, 2020).
struct FeedForward {
  Linear up, down;

  FeedForward(const Loader& loader, std::int64_t channels);

  Tensor operator()(Context& ctx, Tensor x, const Tensor& residual) const;
};

/// Self-attention, cross-attention and feed-forward, each on the normalised sum of what came before.
struct TransformerBlock {
  LayerNorm norm1, norm2, norm3;
  SelfAttention self_attention;
  CrossAttention cross_attention;
  FeedForward feed_forward;

  TransformerBlock(const Loader& loader, std::int64_t channels, std::int64_t prompt_channels, std::int64_t heads);

  /// x: (batch, tokens, channels). Where the prompt's batch is a multiple of it, x is computed once until it looks at
  /// the prompt, and repeated for each part from there on.
  Tensor operator()(Context& ctx, Tensor x, const KeyValue& prompt) const;
  /// The same with the layers at merged.sites on merged tokens.
  Tensor operator()(Context& ctx, Tensor x, const KeyValue& prompt, const MergedTokens& merged) const;
};

/// The transformer of a latent diffusion UNet (Rombach et al., 2022): a picture's pixels as tokens.
struct SpatialTransformer {
  struct Sizes {
    std::int64_t channels, prompt_channels, heads, groups, depth;
  };

  std::string name;
  GroupNorm norm;
  Linear proj_in, proj_out;
  std::vector<TransformerBlock> blocks;

  SpatialTransformer(const Loader& loader, const Sizes& sizes);

  /// One for each block.
  std::vector<KeyValue> prepare(Context& ctx, const Tensor& prompt, std::int64_t silent = 0) const;
  /// x: (batch, height, width, channels); the result has the prompt's batch, a multiple of it.
  Tensor operator()(Context& ctx, Tensor x, std::span<const KeyValue> prompt, TokenMerger* merger = nullptr) const;
};

}  // namespace sumi
