#include "nn/attention.h"

namespace sumi {

SelfAttention::SelfAttention(const Loader& loader, std::int64_t channels, std::int64_t head_count,
                             const SelfAttentionOptions& options)
    : heads(head_count),
      causal(options.causal),
      qkv(loader, {options.names.q, options.names.k, options.names.v}, channels, channels, options.qkv_bias),
      out(loader.at(options.names.out), channels, channels) {}

Tensor SelfAttention::operator()(Context& ctx, Tensor x, const Tensor& residual) const {
  const std::int64_t channels = x.size(-1);
  x = qkv(ctx, x);
  x = attention(ctx, x.columns(0, channels), x.columns(channels, 2 * channels), x.columns(2 * channels, 3 * channels),
                heads, {.causal = causal});
  return out(ctx, x, {.residual = residual});
}

CrossAttention::CrossAttention(const Loader& loader, std::int64_t channels, std::int64_t prompt_channels,
                               std::int64_t head_count)
    : heads(head_count),
      q(loader.at("to_q"), channels, channels, false),
      kv(loader, {"to_k", "to_v"}, prompt_channels, channels, false),
      out(loader.at("to_out.0"), channels, channels) {}

KeyValue CrossAttention::prepare(Context& ctx, const Tensor& prompt) const {
  const Tensor both = kv(ctx, prompt);
  const std::int64_t channels = both.size(-1) / 2;
  return {both.columns(0, channels), both.columns(channels, 2 * channels)};
}

Tensor CrossAttention::operator()(Context& ctx, Tensor x, const KeyValue& prompt, const Tensor& residual) const {
  x = q(ctx, x);
  x = attention(ctx, x, prompt.k, prompt.v, heads);
  return out(ctx, x, {.residual = residual});
}

}  // namespace sumi
