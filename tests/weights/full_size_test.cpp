#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "models/presets.h"
#include "support/scratch.h"
#include "weights/ldm_file.h"
#include "weights/raw_file.h"
#include "weights/single_file.h"

namespace sumi {
namespace {

/// A safetensors file with a hole in place of its values.
void write_hollow(const std::filesystem::path& path, const TensorMap& tensors) {
  Json header;
  std::uint64_t end = 0;
  for (const auto& [name, source] : tensors) {
    const Shape& shape = source->shape();
    const std::uint64_t begin = end;
    end += 2 * static_cast<std::uint64_t>(shape.elements());
    header[name] = {{"dtype", "F16"},
                    {"shape", std::vector<std::int64_t>(shape.begin(), shape.end())},
                    {"data_offsets", {begin, end}}};
  }
  const std::string file = test::raw_safetensors(header.dump(), "");
  std::ofstream(path, std::ios::binary) << file;
  std::filesystem::resize_file(path, file.size() + end);
}

struct Case {
  const char* preset;
  std::map<std::string, double> millions;  ///< of parameters, as published
  /// Some of the names and shapes of the published file.
  std::map<std::string, Shape> tensors;
};

class FullSize : public testing::TestWithParam<Case> {};

TEST_P(FullSize, ASingleFileIsKnownByItsShapes) {
  const auto& [name, millions, known] = GetParam();
  const Preset preset(name);
  TensorMap tensors = ldm_file(preset);
  for (const auto& [tensor, shape] : known) {
    ASSERT_TRUE(tensors.contains(tensor)) << tensor;
    EXPECT_EQ(tensors.at(tensor)->shape(), shape) << tensor;
  }
  // What published files have besides: training's leftovers, OpenCLIP's unused parts, its last layer among them.
  const auto more = [&](const std::string& tensor, const Shape& shape) {
    tensors.emplace(tensor, reshaped_source(synthetic_checkpoint(DType::f16)->want(tensor, shape), shape));
  };
  more("model_ema.decay", {});
  more("betas", {1000});
  const std::string ids = "text_model.embeddings.position_ids";
  more((preset.has("text_encoder_2") ? "conditioner.embedders.0.transformer." : "cond_stage_model.transformer.") + ids,
       {1, 77});
  if (preset.config("text_encoder").text("hidden_act", "") == "gelu") {
    const std::string last = "cond_stage_model.model.transformer.resblocks.22.";
    for (const auto& [tensor, source] : TensorMap(tensors)) {
      if (tensor.starts_with(last))
        more("cond_stage_model.model.transformer.resblocks.23." + tensor.substr(last.size()), source->shape());
    }
    more("cond_stage_model.model.text_projection", {1024, 1024});
    more("cond_stage_model.model.logit_scale", {});
  }
  const test::ScratchFolder folder;
  write_hollow(folder / "model.safetensors", tensors);

  const auto file = open_single_file(folder / "model.safetensors");
  EXPECT_EQ(file->pipeline(), preset.pipeline());
  EXPECT_EQ(file->weighted().size(), millions.size());
  for (const auto& [part, count] : millions) {
    SCOPED_TRACE(part);
    const auto weights = file->weights(part);
    const Loader loader(weights);
    visit_weights(part, file->config(part), loader);
    loader.finish();
    const int unused = weights->find(ids) ? 77 : 0;
    EXPECT_NEAR(1e-6 * static_cast<double>(count_weights(*weights).parameters - unused), count, 0.01);
    for (const char* key : {"attention_head_dim", "num_attention_heads", "sample_size", "scaling_factor", "hidden_act",
                            "num_hidden_layers", "addition_time_embed_dim"}) {
      const Json expected = preset.config(part).json().value(key, Json());
      if (expected.is_null()) continue;
      EXPECT_EQ(file->config(part).json().value(key, Json()), expected) << key;
    }
  }
  EXPECT_EQ(file->component("scheduler").type, preset.component("scheduler").type);
  EXPECT_EQ(file->config("scheduler").text("prediction_type", "epsilon"),
            preset.config("scheduler").text("prediction_type", "epsilon"));
}

const std::string kUNet = "model.diffusion_model.", kVae = "first_stage_model.";

INSTANTIATE_TEST_SUITE_P(
    , FullSize,
    testing::Values(Case{"sd15",
                         {{"unet", 859.52}, {"vae", 83.65}, {"text_encoder", 123.06}},
                         {{kUNet + "input_blocks.3.0.op.weight", {320, 320, 3, 3}},
                          {kUNet + "output_blocks.2.1.conv.weight", {1280, 1280, 3, 3}},
                          {kUNet + "output_blocks.5.2.conv.weight", {1280, 1280, 3, 3}},
                          {kUNet + "output_blocks.11.0.skip_connection.weight", {320, 640, 1, 1}},
                          {kUNet + "output_blocks.11.1.proj_out.weight", {320, 320, 1, 1}},
                          {kUNet + "middle_block.1.transformer_blocks.0.attn2.to_k.weight", {1280, 768}},
                          {kVae + "decoder.up.1.block.0.nin_shortcut.weight", {256, 512, 1, 1}},
                          {kVae + "encoder.mid.attn_1.q.weight", {512, 512, 1, 1}},
                          {"cond_stage_model.transformer.text_model.encoder.layers.11.mlp.fc1.weight", {3072, 768}}}},
                    Case{"sd21",
                         {{"unet", 865.91}, {"vae", 83.65}, {"text_encoder", 340.39}},
                         {{kUNet + "input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight", {320, 1024}},
                          {kUNet + "input_blocks.1.1.proj_in.weight", {320, 320}},
                          {"cond_stage_model.model.transformer.resblocks.22.attn.in_proj_weight", {3072, 1024}},
                          {"cond_stage_model.model.positional_embedding", {77, 1024}}}},
                    Case{"sdxl",
                         {{"unet", 2567.46}, {"vae", 83.65}, {"text_encoder", 123.06}, {"text_encoder_2", 694.66}},
                         {{kUNet + "label_emb.0.0.weight", {1280, 2816}},
                          {kUNet + "input_blocks.8.1.transformer_blocks.9.attn2.to_k.weight", {1280, 2048}},
                          {kUNet + "output_blocks.2.2.conv.weight", {1280, 1280, 3, 3}},
                          {kUNet + "output_blocks.8.0.skip_connection.weight", {320, 640, 1, 1}},
                          {"conditioner.embedders.0.transformer.text_model.encoder.layers.11.mlp.fc1.weight",
                           {3072, 768}},
                          {"conditioner.embedders.1.model.text_projection", {1280, 1280}},
                          {"conditioner.embedders.1.model.transformer.resblocks.31.attn.in_proj_bias", {3840}}}}),
    [](const auto& each) { return std::string(each.param.preset); });

}  // namespace
}  // namespace sumi
