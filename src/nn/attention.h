#pragma once

#include "nn/basic.h"
#include "ops/attention.h"

namespace sumi {

/// What attention layers call their projections in a checkpoint.
struct AttentionNames {
  std::string_view q = "to_q", k = "to_k", v = "to_v", out = "to_out.0";
};

struct SelfAttentionOptions {
  bool qkv_bias = false;
  bool causal = false;
  AttentionNames names = {};
};

/// Multi-head attention of tokens to each other, projections included.
struct SelfAttention {
  std::int64_t heads;
  bool causal;
  Linear qkv, out;

  SelfAttention(const Loader& loader, std::int64_t channels, std::int64_t heads,
                const SelfAttentionOptions& options = {});

  /// residual + attention of x: (batch, tokens, channels) both.
  Tensor operator()(Context& ctx, Tensor x, const Tensor& residual) const;
};

/// The keys and values of a prompt in one attention layer. They stay the same over all steps of a picture.
struct KeyValue {
  Tensor k, v;              ///< (batch - silent, tokens, channels), columns of one tensor; none where all are silent
  std::int64_t silent = 0;  ///< leading rows of a batch whose prompt is zeros, and so are their keys and values

  std::int64_t batch() const { return silent + (k ? k.size(0) : 0); }
};

/// Multi-head attention of a picture's tokens to a prompt's.
struct CrossAttention {
  std::int64_t heads;
  Linear q, kv, out;

  CrossAttention(const Loader& loader, std::int64_t channels, std::int64_t prompt_channels, std::int64_t heads);

  /// prompt: (batch, tokens, prompt_channels), of which the first `silent` are zeros.
  KeyValue prepare(Context& ctx, const Tensor& prompt, std::int64_t silent = 0) const;
  /// residual + attention of x to the prompt: (batch, tokens, channels) both; residual may be absent. Whatever its
  /// scores, attention to values of zeros is zeros, so silent rows get the bias of `out` alone.
  Tensor operator()(Context& ctx, Tensor x, const KeyValue& prompt, const Tensor& residual) const;
};

}  // namespace sumi
