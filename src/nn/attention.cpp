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

KeyValue CrossAttention::prepare(Context& ctx, const Tensor& prompt, std::int64_t silent) const {
  if (silent == prompt.size(0)) return {.silent = silent};
  const Tensor both = kv(ctx, prompt.slice(silent, prompt.size(0)));
  const std::int64_t channels = both.size(-1) / 2;
  return {both.columns(0, channels), both.columns(channels, 2 * channels), silent};
}

Tensor CrossAttention::operator()(Context& ctx, Tensor x, const KeyValue& prompt, const Tensor& residual) const {
  const Shape shape = x.shape();
  const std::int64_t silent = prompt.silent, batch = shape[0];
  if (silent < batch) {
    x = q(ctx, x.slice(silent, batch));
    x = attention(ctx, x, prompt.k, prompt.v, heads);
  }
  Tensor y = ctx.tensor(shape, x.dtype());
  const auto rows = [&](const Tensor& of, std::int64_t begin, std::int64_t end) {
    return of ? of.slice(begin, end) : Tensor();
  };
  if (silent > 0) fill(ctx, out.bias, rows(residual, 0, silent), y.slice(0, silent));
  if (silent < batch) out(ctx, x, {.residual = rows(residual, silent, batch), .into = y.slice(silent, batch)});
  return y;
}

}  // namespace sumi
