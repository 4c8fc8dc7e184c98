#include "weights/layout.h"

#include <fmt/format.h>

#include "weights/name_table.h"

namespace sumi {
namespace {

std::int64_t extent_of(const TensorMap& tensors, const std::string& name, int axis) {
  const auto found = tensors.find(name);
  return found != tensors.end() && found->second->shape().rank() > axis ? found->second->shape()[axis] : 0;
}

/// Resnet block `resnet`, its last convolution called `last`, and the transformer beside it.
UNetLayout::Block block_of(const TensorMap& tensors, const std::string& resnet, const char* last,
                           const std::string& transformer) {
  return {outputs_of(tensors, fmt::format("{}.{}.weight", resnet, last)),
          count_of(tensors, transformer + ".transformer_blocks.")};
}

/// The levels of one way of an LDM's UNet: blocks numbered through, `between` the name of what ends a level.
template <class Between>
std::vector<UNetLayout::Level> ldm_levels(const TensorMap& tensors, const std::string& way, int first,
                                          Between between) {
  std::vector<UNetLayout::Level> levels(1);
  for (int i = first;; ++i) {
    const std::string name = fmt::format("{}.{}", way, i);
    const auto block = block_of(tensors, name + ".0", "out_layers.3", name + ".1");
    if (block.channels > 0) levels.back().push_back(block);
    const bool ends = between(name);
    if (!ends && block.channels <= 0) break;
    if (ends) levels.emplace_back();
  }
  return levels;
}

std::vector<UNetLayout::Level> diffusers_levels(const TensorMap& tensors, const std::string& way) {
  std::vector<UNetLayout::Level> levels;
  for (int level = 0; has_prefix(tensors, fmt::format("{}.{}.", way, level)); ++level) {
    levels.emplace_back();
    for (int i = 0;; ++i) {
      const auto block = block_of(tensors, fmt::format("{}.{}.resnets.{}", way, level, i), "conv2",
                                  fmt::format("{}.{}.attentions.{}", way, level, i));
      if (block.channels <= 0) break;
      levels.back().push_back(block);
    }
  }
  return levels;
}

}  // namespace

std::int64_t outputs_of(const TensorMap& tensors, const std::string& weight) { return extent_of(tensors, weight, 0); }
std::int64_t inputs_of(const TensorMap& tensors, const std::string& weight) { return extent_of(tensors, weight, 1); }

UNetLayout ldm_unet_layout(const TensorMap& tensors) {
  UNetLayout layout;
  layout.down = ldm_levels(tensors, "input_blocks", 1,
                           [&](const std::string& block) { return tensors.contains(block + ".0.op.weight"); });
  // On the way up the change of size belongs to the last block of its level, after a transformer or without one.
  layout.up = ldm_levels(tensors, "output_blocks", 0, [&](const std::string& block) {
    return tensors.contains(block + ".1.conv.weight") || tensors.contains(block + ".2.conv.weight");
  });
  for (const char* resnet : {"middle_block.0.", "middle_block.2."})
    layout.middle_resnets += has_prefix(tensors, resnet);
  layout.middle_depth = count_of(tensors, "middle_block.1.transformer_blocks.");
  return layout;
}

UNetLayout diffusers_unet_layout(const TensorMap& tensors) {
  return {.down = diffusers_levels(tensors, "down_blocks"),
          .up = diffusers_levels(tensors, "up_blocks"),
          .middle_resnets = count_of(tensors, "mid_block.resnets."),
          .middle_depth = count_of(tensors, "mid_block.attentions.0.transformer_blocks.")};
}

VaeLayout ldm_vae_layout(const TensorMap& tensors) {
  VaeLayout layout{.channels = {}, .layers = count_of(tensors, "encoder.down.0.block.")};
  for (int level = 0; level < count_of(tensors, "encoder.down."); ++level) {
    layout.channels.push_back(outputs_of(tensors, fmt::format("encoder.down.{}.block.0.conv2.weight", level)));
  }
  return layout;
}

VaeLayout diffusers_vae_layout(const TensorMap& tensors) {
  VaeLayout layout{.channels = {}, .layers = count_of(tensors, "encoder.down_blocks.0.resnets.")};
  for (int level = 0; level < count_of(tensors, "encoder.down_blocks."); ++level) {
    layout.channels.push_back(outputs_of(tensors, fmt::format("encoder.down_blocks.{}.resnets.0.conv2.weight", level)));
  }
  return layout;
}

}  // namespace sumi
