#include "nn/transformer.h"

#include <utility>

#include "ops/elementwise.h"

namespace sumi {

FeedForward::FeedForward(const Loader& loader, std::int64_t channels)
    : up(loader.at("net.0.proj"), channels, 8 * channels), down(loader.at("net.2"), 4 * channels, channels) {
  up.may_round = down.may_round = true;
}

Tensor FeedForward::operator()(Context& ctx, Tensor x, const Tensor& residual) const {
  x = up(ctx, x, {.activation = Activation::gelu, .gated = true});
  return down(ctx, x, {.residual = residual});
}

TransformerBlock::TransformerBlock(const Loader& loader, std::int64_t channels, std::int64_t prompt_channels,
                                   std::int64_t heads)
    : norm1(loader.at("norm1"), channels),
      norm2(loader.at("norm2"), channels),
      norm3(loader.at("norm3"), channels),
      self_attention(loader.at("attn1"), channels, heads),
      cross_attention(loader.at("attn2"), channels, prompt_channels, heads),
      feed_forward(loader.at("ff"), channels) {
  self_attention.qkv.may_round = self_attention.out.may_round = true;
  cross_attention.q.may_round = cross_attention.out.may_round = true;
}

Tensor TransformerBlock::operator()(Context& ctx, Tensor x, const KeyValue& prompt) const {
  x = self_attention(ctx, norm1(ctx, x), x);
  x = repeat_to(ctx, x, prompt.batch());
  x = cross_attention(ctx, norm2(ctx, x), prompt, x);
  return feed_forward(ctx, norm3(ctx, x), x);
}

Tensor TransformerBlock::operator()(Context& ctx, Tensor x, const KeyValue& prompt, const MergedTokens& merged) const {
  const auto add = [&](bool merges, const LayerNorm& norm, const auto& layer) {
    Tensor tokens = norm(ctx, x);
    if (!merges) {
      x = layer(std::move(tokens), x);
    } else {
      tokens = layer(merged.merge(ctx, tokens), Tensor());
      x = merged.unmerge(ctx, tokens, x);
    }
  };
  add(merged.sites.self_attention, norm1,
      [&](Tensor tokens, const Tensor& residual) { return self_attention(ctx, std::move(tokens), residual); });
  add(merged.sites.cross_attention, norm2,
      [&](Tensor tokens, const Tensor& residual) { return cross_attention(ctx, std::move(tokens), prompt, residual); });
  add(merged.sites.feed_forward, norm3,
      [&](Tensor tokens, const Tensor& residual) { return feed_forward(ctx, std::move(tokens), residual); });
  return x;
}

SpatialTransformer::SpatialTransformer(const Loader& loader, const Sizes& sizes)
    : name(layer_name(loader)),
      norm(loader.at("norm"), sizes.channels, sizes.groups, 1e-6),
      proj_in(loader.at("proj_in"), sizes.channels, sizes.channels),
      proj_out(loader.at("proj_out"), sizes.channels, sizes.channels) {
  proj_in.may_round = proj_out.may_round = true;
  for (int i = 0; i < sizes.depth; ++i) {
    blocks.emplace_back(loader.at("transformer_blocks", i), sizes.channels, sizes.prompt_channels, sizes.heads);
  }
}

std::vector<KeyValue> SpatialTransformer::prepare(Context& ctx, const Tensor& prompt, std::int64_t silent) const {
  std::vector<KeyValue> prepared;
  for (const auto& block : blocks) prepared.push_back(block.cross_attention.prepare(ctx, prompt, silent));
  return prepared;
}

Tensor SpatialTransformer::operator()(Context& ctx, Tensor x, std::span<const KeyValue> prompt,
                                      TokenMerger* merger) const {
  const Trace::Span span(ctx.trace, "layer", name);
  Shape picture = x.shape();
  x = x.reshape({picture[0], picture[1] * picture[2], picture[3]});
  Tensor tokens = proj_in(ctx, norm(ctx, x));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (merger) tokens = repeat_to(ctx, tokens, prompt[i].batch());
    const auto merged = merger ? merger->match(ctx, tokens, picture[1], picture[2]) : std::nullopt;
    tokens =
        merged ? blocks[i](ctx, std::move(tokens), prompt[i], *merged) : blocks[i](ctx, std::move(tokens), prompt[i]);
  }
  picture[0] = tokens.size(0);
  return proj_out(ctx, tokens, {.residual = repeat_to(ctx, x, picture[0])}).reshape(picture);
}

}  // namespace sumi
