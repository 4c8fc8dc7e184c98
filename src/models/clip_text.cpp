#include "models/clip_text.h"

#include <algorithm>

#include "models/config.h"
#include "ops/elementwise.h"

namespace sumi {
namespace {

bool projects(const Settings& settings) {
  const auto names = texts_or(settings, "architectures", {});
  return std::find(names.begin(), names.end(), "CLIPTextModelWithProjection") != names.end();
}

}  // namespace

ClipTextConfig ClipTextConfig::from(const Settings& settings) {
  refuse_others(settings, {{"model_type", {"clip_text_model"}}});
  ClipTextConfig config{
      ClipLayersConfig::from(settings, {.channels = 512, .inner_channels = 2048, .layers = 12, .heads = 8})};
  config.vocabulary = settings.integer("vocab_size", 49408, 1, 1 << 24);
  config.positions = settings.integer("max_position_embeddings", 77, 1, 1 << 12);
  config.end_token = settings.integer("eos_token_id", 49407, 0, 1 << 24);
  if (projects(settings)) config.projection = settings.integer("projection_dim", 512, 1, kMostChannels);
  return config;
}

ClipText::ClipText(const ClipTextConfig& config, const Loader& loader)
    : config_(config),
      vocabulary_(loader.weight("text_model.embeddings.token_embedding.weight", {config.vocabulary, config.channels})),
      tokens_(vocabulary_),
      positions_(loader.weight("text_model.embeddings.position_embedding.weight", {config.positions, config.channels})),
      final_norm_(loader.at("text_model.final_layer_norm"), config.channels, config.epsilon) {
  for (int i = 0; i < config.layers; ++i) layers_.emplace_back(loader.at("text_model.encoder.layers", i), config, true);
  if (config.projection) {
    projection_.emplace(loader.at("text_projection"), config.channels, config.projection, false);
  } else {
    loader.ignore("text_projection.weight");
  }
}

void ClipText::learn(std::vector<float> rows) {
  const Shape shape{static_cast<std::int64_t>(rows.size()) / config_.channels, config_.channels};
  tokens_ = Weight(rows.empty() ? vocabulary_ : joined_source({vocabulary_, values_source(shape, std::move(rows))}));
}

ClipText::Output ClipText::operator()(Context& ctx, const std::vector<std::vector<std::int32_t>>& ids,
                                      const Ask& ask) const {
  check(ask.skip >= 0 && ask.skip <= config_.layers, ErrorCode::usage,
        "clip skip {} is outside 0 to {}, the layers of the text encoder", ask.skip, config_.layers);
  const auto wanted = layers_.size() - static_cast<std::size_t>(ask.skip);
  const auto count = ask.pooled ? layers_.size() : wanted;
  Output output;
  Tensor x = embed(ctx, ids);
  for (std::size_t i = 0; i <= count; ++i) {
    if (i == wanted) output.hidden = ask.normalised ? final_norm_(ctx, x) : x;
    if (i < count) x = layers_[i](ctx, std::move(x));
  }
  if (ask.pooled) output.pooled = pool(ctx, x, ids);
  return output;
}

Tensor ClipText::embed(Context& ctx, const std::vector<std::vector<std::int32_t>>& ids) const {
  const std::size_t length = ids.empty() ? 0 : ids.front().size();
  check(length > 0 && length <= static_cast<std::size_t>(config_.positions), ErrorCode::internal,
        "clip_text: {} prompts of {} tokens, the encoder takes 1 to {}", ids.size(), length, config_.positions);
  std::vector<std::int32_t> all;
  for (const auto& row : ids) {
    check(row.size() == length, ErrorCode::internal, "clip_text: prompts of {} and {} tokens", length, row.size());
    for (const std::int32_t id : row) {
      check(id >= 0 && id < tokens_.shape()[0], ErrorCode::bad_model,
            "the tokenizer gives the token {}, the text encoder's vocabulary has {}", id, tokens_.shape()[0]);
    }
    all.insert(all.end(), row.begin(), row.end());
  }
  const Shape shape{static_cast<std::int64_t>(ids.size()), static_cast<std::int64_t>(length)};
  return embedding(ctx, ctx.upload(all, shape), tokens_, positions_);
}

Tensor ClipText::pool(Context& ctx, const Tensor& last, const std::vector<std::vector<std::int32_t>>& ids) const {
  const std::int64_t batch = last.size(0), tokens = last.size(1), channels = last.size(2);
  const Tensor rows = last.reshape({batch * tokens, channels});
  Tensor ends = ctx.tensor({batch, channels});
  for (std::int64_t n = 0; n < batch; ++n) {
    const std::int64_t end = n * tokens + end_of(ids[static_cast<std::size_t>(n)]);
    const Term row{1, rows.slice(end, end + 1)};
    combine(ctx, {&row, 1}, {.into = ends.slice(n, n + 1)});
  }
  const Tensor normalised = final_norm_(ctx, ends);
  return projection_ ? (*projection_)(ctx, normalised) : normalised;
}

// Configurations written before transformers 4.30 all say 2; there the end is the largest id, which CLIP's own
// vocabulary gives to the end token. Learned words have larger ones.
std::int64_t ClipText::end_of(const std::vector<std::int32_t>& ids) const {
  const auto known = [&](std::int32_t id) { return id < config_.vocabulary ? id : -1; };
  const auto less = [&](std::int32_t a, std::int32_t b) { return known(a) < known(b); };
  const auto end = config_.end_token == 2 ? std::max_element(ids.begin(), ids.end(), less)
                                          : std::find(ids.begin(), ids.end(), config_.end_token);
  return end == ids.end() ? 0 : end - ids.begin();
}

}  // namespace sumi
