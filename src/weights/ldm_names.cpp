#include "weights/ldm_names.h"

#include <array>

#include <fmt/format.h>

namespace sumi {
namespace {

struct Pair {
  const char *model, *file;
};

void add_unet_resnet(NameTable& names, const std::string& model, const std::string& file) {
  constexpr std::array<Pair, 6> kLayers{{{"norm1.", "in_layers.0."},
                                         {"conv1.", "in_layers.2."},
                                         {"time_emb_proj.", "emb_layers.1."},
                                         {"norm2.", "out_layers.0."},
                                         {"conv2.", "out_layers.3."},
                                         {"conv_shortcut.", "skip_connection."}}};
  for (const auto& [ours, theirs] : kLayers) names.add(model + ours, file + theirs);
}

/// What a UNet and a ControlNet share: inputs, the way down, the middle.
void add_way_down(NameTable& names, const UNetLayout& layout) {
  names.add("time_embedding.linear_1.", "time_embed.0.");
  names.add("time_embedding.linear_2.", "time_embed.2.");
  names.add("time_embedding.cond_proj.", "time_embed.cond_proj.");
  names.add("add_embedding.linear_1.", "label_emb.0.0.");
  names.add("add_embedding.linear_2.", "label_emb.0.2.");
  names.add("conv_in.", "input_blocks.0.0.");
  int block = 1;
  for (std::size_t level = 0; level < layout.down.size(); ++level) {
    const std::string way = fmt::format("down_blocks.{}", level);
    for (std::size_t i = 0; i < layout.down[level].size(); ++i, ++block) {
      add_unet_resnet(names, fmt::format("{}.resnets.{}.", way, i), fmt::format("input_blocks.{}.0.", block));
      names.add(fmt::format("{}.attentions.{}.", way, i), fmt::format("input_blocks.{}.1.", block));
    }
    if (level + 1 < layout.down.size()) {
      names.add(way + ".downsamplers.0.conv.", fmt::format("input_blocks.{}.0.op.", block++));
    }
  }
  add_unet_resnet(names, "mid_block.resnets.0.", "middle_block.0.");
  names.add("mid_block.attentions.0.", "middle_block.1.");
  add_unet_resnet(names, "mid_block.resnets.1.", "middle_block.2.");
}

void add_way_up(NameTable& names, const UNetLayout& layout) {
  int block = 0;
  for (std::size_t level = 0; level < layout.up.size(); ++level) {
    const std::string way = fmt::format("up_blocks.{}", level);
    const auto& blocks = layout.up[level];
    for (std::size_t i = 0; i < blocks.size(); ++i, ++block) {
      add_unet_resnet(names, fmt::format("{}.resnets.{}.", way, i), fmt::format("output_blocks.{}.0.", block));
      // Without a transformer its place is the upsampler's.
      if (blocks[i].depth > 0) {
        names.add(fmt::format("{}.attentions.{}.", way, i), fmt::format("output_blocks.{}.1.", block));
      }
    }
    if (level + 1 < layout.up.size() && !blocks.empty()) {
      names.add(way + ".upsamplers.0.conv.",
                fmt::format("output_blocks.{}.{}.conv.", block - 1, blocks.back().depth > 0 ? 2 : 1));
    }
  }
}

/// A picture's attention: linear layers in diffusers, convolutions in LDM; diffusers named them otherwise at first.
void add_vae_attention(NameTable& names, const std::string& model, const std::string& file) {
  names.add(model + "group_norm.", file + "norm.");
  constexpr std::array<std::array<const char*, 3>, 4> kLayers{{{"to_q.", "query.", "q."},
                                                               {"to_k.", "key.", "k."},
                                                               {"to_v.", "value.", "v."},
                                                               {"to_out.0.", "proj_attn.", "proj_out."}}};
  for (const auto& [ours, old, theirs] : kLayers) {
    names.add(model + ours, file + theirs, Change::pointwise);
    names.alias(model + old, file + theirs, Change::pointwise);
  }
}

void add_vae_resnet(NameTable& names, const std::string& model, const std::string& file) {
  names.add(model, file);
  names.add(model + "conv_shortcut.", file + "nin_shortcut.");
}

/// One way of the autoencoder: its levels are numbered from the picture on both ways by LDM.
void add_vae_side(NameTable& names, const std::string& side, const VaeLayout& layout) {
  const bool up = side == "decoder.";
  const char* way = up ? "up" : "down";
  names.add(side + "conv_in.", side + "conv_in.");
  names.add(side + "conv_norm_out.", side + "norm_out.");
  names.add(side + "conv_out.", side + "conv_out.");
  add_vae_resnet(names, side + "mid_block.resnets.0.", side + "mid.block_1.");
  add_vae_resnet(names, side + "mid_block.resnets.1.", side + "mid.block_2.");
  add_vae_attention(names, side + "mid_block.attentions.0.", side + "mid.attn_1.");
  const std::size_t levels = layout.channels.size();
  for (std::size_t level = 0; level < levels; ++level) {
    const std::string ours = fmt::format("{}{}_blocks.{}.", side, way, level);
    const std::string theirs = fmt::format("{}{}.{}.", side, way, up ? levels - 1 - level : level);
    for (int i = 0; i < layout.layers + up; ++i) {
      add_vae_resnet(names, fmt::format("{}resnets.{}.", ours, i), fmt::format("{}block.{}.", theirs, i));
    }
    names.add(fmt::format("{}{}samplers.0.conv.", ours, way), fmt::format("{}{}sample.conv.", theirs, way));
  }
}

}  // namespace

NameTable ldm_unet_names(const UNetLayout& layout) {
  NameTable names;
  add_way_down(names, layout);
  add_way_up(names, layout);
  names.add("conv_norm_out.", "out.0.");
  names.add("conv_out.", "out.2.");
  return names;
}

NameTable ldm_controlnet_names(const UNetLayout& layout, int hints) {
  NameTable names;
  add_way_down(names, layout);
  std::size_t outputs = layout.down.size();  // the first convolution's and those of the changes of size
  for (const auto& level : layout.down) outputs += level.size();
  for (std::size_t i = 0; i < outputs; ++i) {
    names.add(fmt::format("controlnet_down_blocks.{}.", i), fmt::format("zero_convs.{}.0.", i));
  }
  names.add("controlnet_mid_block.", "middle_block_out.0.");
  // Every other one is an activation.
  const std::string ours = "controlnet_cond_embedding.";
  names.add(ours + "conv_in.", "input_hint_block.0.");
  for (int i = 0; i < hints; ++i) {
    names.add(fmt::format("{}blocks.{}.", ours, i), fmt::format("input_hint_block.{}.", 2 + 2 * i));
  }
  names.add(ours + "conv_out.", fmt::format("input_hint_block.{}.", 2 + 2 * hints));
  return names;
}

NameTable ldm_vae_names(const VaeLayout& layout) {
  NameTable names;
  add_vae_side(names, "encoder.", layout);
  add_vae_side(names, "decoder.", layout);
  names.add("quant_conv.", "quant_conv.");
  names.add("post_quant_conv.", "post_quant_conv.");
  for (const char* training : {"loss.", "model_ema."}) names.drop(training);
  return names;
}

NameTable open_clip_names(int layers, bool projects) {
  NameTable names;
  names.add("text_model.embeddings.token_embedding.", "token_embedding.");
  names.add("text_model.embeddings.position_embedding.weight", "positional_embedding");
  names.add("text_model.final_layer_norm.", "ln_final.");
  for (int i = 0; i < layers; ++i) {
    const std::string ours = fmt::format("text_model.encoder.layers.{}.", i);
    const std::string theirs = fmt::format("transformer.resblocks.{}.", i);
    constexpr std::array<Pair, 5> kLayers{{{"layer_norm1.", "ln_1."},
                                           {"layer_norm2.", "ln_2."},
                                           {"mlp.fc1.", "mlp.c_fc."},
                                           {"mlp.fc2.", "mlp.c_proj."},
                                           {"self_attn.out_proj.", "attn.out_proj."}}};
    for (const auto& [model, file] : kLayers) names.add(ours + model, theirs + file);
    constexpr std::array kParts{std::pair("q", Change::query), std::pair("k", Change::key),
                                std::pair("v", Change::value)};
    for (const auto& [part, change] : kParts) {
      for (const char* kind : {"weight", "bias"}) {
        names.add(fmt::format("{}self_attn.{}_proj.{}", ours, part, kind),
                  fmt::format("{}attn.in_proj_{}", theirs, kind), change);
      }
    }
  }
  if (projects) {
    names.add("text_projection.weight", "text_projection", Change::transposed);
  } else {
    names.drop("text_projection");
  }
  names.drop("logit_scale");
  names.drop("transformer.resblocks.");  // layers after the last that is used
  return names;
}

}  // namespace sumi
