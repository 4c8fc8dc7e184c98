#include "models/unet_stage.h"

#include <utility>

namespace sumi {

UNetStage::UNetStage(const Loader& loader, const Sizes& sizes, std::span<const std::int64_t> inputs,
                     const Common& common, std::size_t first)
    : name(layer_name(loader)), first_transformer(first) {
  for (int i = 0; const std::int64_t in : inputs) {
    resnets.emplace_back(loader.at("resnets", i++), ResnetBlock::Sizes{.in = in,
                                                                       .out = sizes.channels,
                                                                       .groups = common.groups,
                                                                       .epsilon = common.epsilon,
                                                                       .time = common.time_channels});
  }
  for (int i = 0; const std::int64_t depth : sizes.depths) {
    transformers.emplace_back(loader.at("attentions", i++),
                              SpatialTransformer::Sizes{.channels = sizes.channels,
                                                        .prompt_channels = sizes.prompt_channels,
                                                        .heads = sizes.heads,
                                                        .groups = common.groups,
                                                        .depth = depth});
  }
}

void UNetStage::prepare(Context& ctx, const Tensor& tokens, std::int64_t silent,
                        std::vector<std::vector<KeyValue>>& keys) const {
  for (const auto& transformer : transformers) keys.push_back(transformer.prepare(ctx, tokens, silent));
}

Tensor UNetStage::layer(Context& ctx, std::size_t i, Tensor x, const UNetStep& step) const {
  x = resnets[i](ctx, x, step.time_of(x));
  return transformers.empty() ? x : transform(ctx, i, std::move(x), step);
}

Tensor UNetStage::transform(Context& ctx, std::size_t i, Tensor x, const UNetStep& step) const {
  return transformers[i](ctx, std::move(x), step.keys[first_transformer + i], step.merger);
}

}  // namespace sumi
