#include "models/safety_checker.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "models/config.h"
#include "ops/elementwise.h"

namespace sumi {
namespace {

// Mean and deviation of the colours that CLIP was trained on.
constexpr std::array<float, 3> kMean{0.48145466f, 0.4578275f, 0.40821073f};
constexpr std::array<float, 3> kDeviation{0.26862954f, 0.26130258f, 0.27577711f};

std::vector<double> normalised(std::span<const float> values) {
  const double squares = std::inner_product(values.begin(), values.end(), values.begin(), 0.0);
  const double length = std::max(std::sqrt(squares), 1e-12);
  std::vector<double> unit(values.begin(), values.end());
  for (double& value : unit) value /= length;
  return unit;
}

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

SafetyCheckerConfig SafetyCheckerConfig::from(const Settings& settings) {
  const Settings vision(settings.at("vision_config"), settings.where() + ": vision_config");
  SafetyCheckerConfig config{
      ClipLayersConfig::from(vision, {.channels = 768, .inner_channels = 3072, .layers = 12, .heads = 12})};
  refuse_others(vision, {{"num_channels", {3}}});
  config.side = vision.integer("image_size", 224, 1, 4096);
  config.patch = vision.integer("patch_size", 32, 1, config.side);
  config.projection = settings.integer("projection_dim", 512, 1, kMostChannels);
  return config;
}

SafetyChecker::SafetyChecker(SafetyCheckerConfig config, const Loader& loader)
    : config_(std::move(config)),
      patches_(loader.at("vision_model.vision_model.embeddings.patch_embedding"), 3, config_.channels, config_.patch,
               false),
      norm_in_(loader.at("vision_model.vision_model.pre_layrnorm"), config_.channels, config_.epsilon),
      norm_out_(loader.at("vision_model.vision_model.post_layernorm"), config_.channels, config_.epsilon),
      projection_(loader.at("visual_projection"), config_.channels, config_.projection, false),
      concepts_(embeddings(loader, "concept_embeds", Verdict::concepts, config_.projection)),
      special_(embeddings(loader, "special_care_embeds", Verdict::special, config_.projection)),
      concept_thresholds_(loader.values("concept_embeds_weights", {Verdict::concepts})),
      special_thresholds_(loader.values("special_care_embeds_weights", {Verdict::special})) {
  patches_.stride = config_.patch;
  patches_.padding = {};
  const Loader vision = loader.at("vision_model.vision_model");
  class_token_ = vision.values("embeddings.class_embedding", {config_.channels});
  positions_ = vision.values("embeddings.position_embedding.weight", {config_.tokens(), config_.channels});
  for (int i = 0; i < config_.layers; ++i) layers_.emplace_back(vision.at("encoder.layers", i), config_, false);
}

SafetyChecker::Embeddings SafetyChecker::embeddings(const Loader& loader, std::string_view name, std::size_t count,
                                                    std::int64_t channels) {
  const auto values = loader.values(name, {static_cast<std::int64_t>(count), channels});
  Embeddings all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(normalised(
        std::span(values).subspan(i * static_cast<std::size_t>(channels), static_cast<std::size_t>(channels))));
  }
  return all;
}

/// The class token and the patches, each with its position: (batch, tokens, channels).
Tensor SafetyChecker::tokens(Context& ctx, const Tensor& pictures) const {
  const std::int64_t batch = pictures.size(0), count = config_.tokens(), channels = config_.channels;
  std::vector<float> start = positions_;
  for (std::size_t c = 0; c < class_token_.size(); ++c) start[c] += class_token_[c];
  const Tensor positions = cast(ctx, ctx.upload(start, {count, channels}), ctx.type);
  const Tensor patches = patches_(ctx, cast(ctx, pictures, ctx.type)).reshape({batch * (count - 1), channels});
  Tensor all = ctx.tensor({batch * count, channels});
  for (std::int64_t n = 0; n < batch; ++n) {
    const Term first{1, positions.slice(0, 1)};
    combine(ctx, {&first, 1}, {.into = all.slice(n * count, n * count + 1)});
    combine(
        ctx,
        std::array{Term{1, positions.slice(1, count)}, Term{1, patches.slice(n * (count - 1), (n + 1) * (count - 1))}},
        {.into = all.slice(n * count + 1, (n + 1) * count)});
  }
  return all.reshape({batch, count, channels});
}

Tensor SafetyChecker::embed(Context& ctx, const std::vector<std::uint8_t>& pictures) const {
  const std::int64_t side = config_.side, batch = static_cast<std::int64_t>(pictures.size()) / (side * side * 3);
  check(batch > 0 && pictures.size() == static_cast<std::size_t>(batch * side * side * 3), ErrorCode::internal,
        "safety checker: {} values are no pictures of {} x {}", pictures.size(), side, side);
  std::vector<float> values(pictures.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = (static_cast<float>(pictures[i]) / 255 - kMean[i % 3]) / kDeviation[i % 3];
  }
  Tensor x = norm_in_(ctx, tokens(ctx, ctx.upload(values, {batch, side, side, 3})));
  for (const ClipLayer& layer : layers_) x = layer(ctx, std::move(x));
  const Tensor rows = x.reshape({batch * config_.tokens(), config_.channels});
  Tensor first = ctx.tensor({batch, config_.channels});
  for (std::int64_t n = 0; n < batch; ++n) {
    const Term row{1, rows.slice(n * config_.tokens(), n * config_.tokens() + 1)};
    combine(ctx, {&row, 1}, {.into = first.slice(n, n + 1)});
  }
  return projection_(ctx, norm_out_(ctx, first), {.type = DType::f32});
}

std::vector<SafetyChecker::Verdict> SafetyChecker::operator()(Context& ctx,
                                                              const std::vector<std::uint8_t>& pictures) const {
  const Trace::Span span(ctx.trace, "layer", "safety checker");
  const std::vector<float> values = ctx.download(embed(ctx, pictures));
  const auto channels = static_cast<std::size_t>(config_.projection);
  std::vector<Verdict> verdicts;
  for (std::size_t i = 0; i < values.size(); i += channels) {
    verdicts.push_back(judge(std::span(values).subspan(i, channels)));
  }
  return verdicts;
}

SafetyChecker::Verdict SafetyChecker::judge(std::span<const float> embedding) const {
  const auto unit = normalised(embedding);
  double raised = 0;
  const auto score = [&](const std::vector<double>& idea, float threshold) {
    return std::round((cosine(unit, idea) - static_cast<double>(threshold) + raised) * 1000) / 1000;
  };
  Verdict verdict;
  for (std::size_t i = 0; i < Verdict::special; ++i) {
    verdict.special_scores[i] = score(special_[i], special_thresholds_[i]);
    if (verdict.special_scores[i] > 0) raised = 0.01;
  }
  for (std::size_t i = 0; i < Verdict::concepts; ++i) {
    verdict.concept_scores[i] = score(concepts_[i], concept_thresholds_[i]);
    if (verdict.concept_scores[i] > 0) verdict.unfit = true;
  }
  return verdict;
}

}  // namespace sumi
