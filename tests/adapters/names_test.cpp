// Every naming that files use leads to the same tensor.

#include "adapters/names.h"

#include <gtest/gtest.h>

#include "adapters/made.h"
#include "models/model.h"
#include "support/scratch.h"
#include "weights/safetensors.h"

namespace sumi::test {
namespace {

TEST(Names, CutTheComponent) {
  const auto cut = [](std::string_view module) {
    const ModulePlace place = place_of(module);
    return std::string(place.component) + "|" + std::string(place.name);
  };
  EXPECT_EQ(cut("lora_unet_mid_block"), "unet|mid_block");
  EXPECT_EQ(cut("lora_te_text_model_x"), "text_encoder|text_model_x");
  EXPECT_EQ(cut("lora_te1_text_model_x"), "text_encoder|text_model_x");
  EXPECT_EQ(cut("lora_te2_text_model_x"), "text_encoder_2|text_model_x");
  EXPECT_EQ(cut("text_encoder_2.text_model.x"), "text_encoder_2|text_model.x");
  EXPECT_EQ(cut("unet.base_model.model.x"), "unet|x");
  EXPECT_EQ(cut("base_model.model.unet.x"), "unet|x");
  EXPECT_EQ(cut("base_model.model.mid_block.x"), "|mid_block.x");
  EXPECT_EQ(cut("mid_block.x"), "|mid_block.x");
}

struct Name {
  std::string model, component, file, module;
};
class NamesLead : public testing::TestWithParam<Name> {};

TEST_P(NamesLead, ToModules) {
  const ModuleNames names(ModelFolder(model_path(GetParam().model)).weights(GetParam().component)->tensors());
  const std::string* found = names.find(GetParam().file);
  if (GetParam().module.empty()) {
    EXPECT_EQ(found, nullptr);
  } else {
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(*found, GetParam().module);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, NamesLead,
    testing::Values(
        Name{"sd1", "unet", "down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_out_0",
             "down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0"},
        Name{"sd1", "unet", "down_blocks.0.attentions.1.transformer_blocks.0.attn1.processor.to_q",
             "down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q"},
        Name{"sd1", "unet", "down_blocks.0.attentions.1.transformer_blocks.0.attn1.processor.to_out",
             "down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0"},
        Name{"sd1", "unet", "input_blocks_1_1_proj_in", "down_blocks.0.attentions.0.proj_in"},
        Name{"sd1", "text_encoder", "text_model_encoder_layers_1_mlp_fc1", "text_model.encoder.layers.1.mlp.fc1"},
        Name{"sd1", "text_encoder", "text_model.encoder.layers.1.self_attn.to_q",
             "text_model.encoder.layers.1.self_attn.q_proj"},
        Name{"sd1", "text_encoder", "text_model.encoder.layers.1.self_attn.to_out",
             "text_model.encoder.layers.1.self_attn.out_proj"},
        Name{"bksdm-small", "text_encoder", "text_model_encoder_layers_1_mlp_fc1", "encoder.layers.1.mlp.fc1"},
        Name{"sdxl", "unet", "input_blocks_4_1_transformer_blocks_1_attn2_to_k",
             "down_blocks.1.attentions.0.transformer_blocks.1.attn2.to_k"},
        Name{"sdxl", "unet", "input_blocks_8_0_skip_connection", ""},
        Name{"sdxl", "unet", "input_blocks_7_0_skip_connection", "down_blocks.2.resnets.0.conv_shortcut"},
        Name{"sdxl", "unet", "input_blocks_3_0_op", "down_blocks.0.downsamplers.0.conv"},
        Name{"sdxl", "unet", "middle_block_0_in_layers_2", "mid_block.resnets.0.conv1"},
        Name{"sdxl", "unet", "middle_block_1_proj_out", "mid_block.attentions.0.proj_out"},
        Name{"sdxl", "unet", "middle_block_2_emb_layers_1", "mid_block.resnets.1.time_emb_proj"},
        Name{"sdxl", "unet", "output_blocks_5_1_proj_in", "up_blocks.1.attentions.2.proj_in"},
        Name{"sdxl", "unet", "output_blocks_5_2_conv", "up_blocks.1.upsamplers.0.conv"},
        Name{"sd1", "unet", "output_blocks_2_1_conv", "up_blocks.0.upsamplers.0.conv"},
        Name{"sdxl", "unet", "output_blocks_8_0_out_layers_3", "up_blocks.2.resnets.2.conv2"},
        Name{"sdxl", "unet", "label_emb_0_2", "add_embedding.linear_2"},
        Name{"sdxl", "unet", "time_embed_0", "time_embedding.linear_1"}, Name{"sdxl", "unet", "out_2", "conv_out"},
        Name{"sdxl", "unet", "output_blocks_99_1_proj_in", ""}),
    [](const auto& each) { return "name_" + std::to_string(each.index); });

/// One change of the one layer by any spelling of its tensors.
std::size_t changed_by(const std::string& up, const std::string& down) {
  OneLayer model(tensor({4, 6}, 1), "mid_block.attn1.to_out.0");
  return model.adapters.set({{parse_adapter({{up, tensor({4, 2}, 2)}, {down, tensor({2, 6}, 3)}}, "file")}}).changed;
}

TEST(Names, OfFactorsInEveryFormat) {
  const std::string module = "mid_block.attn1.to_out.0";
  EXPECT_EQ(changed_by("lora_unet_mid_block_attn1_to_out_0.lora_up.weight",
                       "lora_unet_mid_block_attn1_to_out_0.lora_down.weight"),
            1u);
  EXPECT_EQ(changed_by("unet." + module + ".lora_B.weight", "unet." + module + ".lora_A.weight"), 1u);
  EXPECT_EQ(
      changed_by("base_model.model." + module + ".lora_B.weight", "base_model.model." + module + ".lora_A.weight"), 1u);
  EXPECT_EQ(changed_by(module + ".lora_B.default.weight", module + ".lora_A.default.weight"), 1u);
  EXPECT_EQ(changed_by("unet." + module + ".lora.up.weight", "unet." + module + ".lora.down.weight"), 1u);
  EXPECT_EQ(changed_by("mid_block.attn1.processor.to_out_lora.up.weight",
                       "mid_block.attn1.processor.to_out_lora.down.weight"),
            1u);
  EXPECT_EQ(changed_by("unet.mid_block.attn1.processor.to_out_lora.up.weight",
                       "unet.mid_block.attn1.processor.to_out_lora.down.weight"),
            1u);
}

TEST(Names, OfTheSdxlFixtureAllMatch) {
  const ModelFolder folder(model_path("sdxl"));
  Adapters adapters;
  for (const char* name : {"unet", "text_encoder", "text_encoder_2"}) {
    adapters.add_component(name, std::make_shared<AdaptedCheckpoint>(folder.weights(name)));
  }
  const auto report = adapters.set({{read_adapter(fixtures() / "loras" / "lora-sdxl.safetensors")}});
  EXPECT_EQ(report.changed, 334u);
  EXPECT_EQ(report.unmatched, std::vector<std::string>{});
}

// PEFT keeps alpha in a file of its own.
TEST(Names, OfPeftComeWithItsConfiguration) {
  const ScratchFolder folder;
  const SourcePtr up = tensor({4, 2}, 2), down = tensor({2, 6}, 3);
  const std::string module = "base_model.model.layer";
  write_safetensors(folder / "adapter_model.safetensors",
                    {{module + ".lora_B.weight", up}, {module + ".lora_A.weight", down}});
  const auto changed = [&](const std::string& config) {
    folder.write("adapter_config.json", config);
    OneLayer model(values_source({4, 6}, std::vector<float>(24)));
    model.adapters.set({{read_adapter(folder / "adapter_model.safetensors")}});
    return read_all(*model.adapted);
  };
  const auto plain = changed(R"({"lora_alpha": 2, "r": 2})"), half = changed(R"({"lora_alpha": 1})"),
             root = changed(R"({"lora_alpha": 2, "use_rslora": true})");
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_NEAR(half[i], plain[i] / 2, 1e-6);
    EXPECT_NEAR(root[i], plain[i] * std::sqrt(2.0), 1e-6);
  }
  EXPECT_GT(largest(plain), 0.1);
}

// The names of a synthetic model's tensors are those that it was asked for.
TEST(Names, OfASyntheticModel) {
  const auto adapted = std::make_shared<AdaptedCheckpoint>(synthetic_checkpoint(DType::f16));
  const Loader loader(adapted);
  const Linear layer(loader.at("layer"), 6, 4, false);
  Adapters adapters;
  adapters.add_component("unet", adapted);
  EXPECT_EQ(adapters.set({{parse_adapter({{"layer.diff", tensor({4, 6}, 1)}}, "file")}}).changed, 1u);
  EXPECT_GT(layer.weight.source().revision(), 0u);
}

void expect_refused(const TensorMap& file, const std::string& text) {
  expect_error(ErrorCode::bad_file, text, [&] { parse_adapter(file, "file"); });
}

TEST(BadFiles, AreRefusedInOneLine) {
  expect_refused({{"a.lora_up.weight", tensor({4, 2}, 1)}}, "file: a: down is missing");
  expect_refused({{"a.lora_down.weight", tensor({2, 4}, 1)}}, "file: a: up is missing");
  expect_refused({{"a.lora_up.weight", tensor({4, 2}, 1)}, {"a.lora_down.weight", tensor({3, 6}, 1)}},
                 "file: a: factors of 4x2 and 3x6 cannot be multiplied");
  expect_refused({{"a.lora_up.weight", scalar(1)}, {"a.lora_down.weight", scalar(1)}}, "up is a single number");
  expect_refused({{"a.lora_up.weight", tensor({4, 2}, 1)}, {"a.lora_down.weight", tensor({2, 0}, 1)}},
                 "no adapter has a tensor of shape 2x0");
  expect_refused(
      {{"a.lora_up.weight", tensor({4, 2}, 1)}, {"a.lora_down.weight", tensor({2, 6}, 1)}, {"a.alpha", tensor({2}, 1)}},
      "alpha has the shape 2");
  expect_refused({{"a.lora_up.weight", tensor({4, 2}, 1)},
                  {"a.lora_down.weight", tensor({2, 6}, 1)},
                  {"a.alpha", scalar(INFINITY)}},
                 "alpha is not a number");
  expect_refused({{"a.lora_up.weight", tensor({4, 2}, 1)},
                  {"a.lora_down.weight", tensor({2, 6}, 1)},
                  {"a.dora_scale", tensor({5, 1}, 1)}},
                 "magnitudes of 5x1 for a change of 4x6");
  expect_refused({{"a.lora_up.weight", tensor({4, 2}, 1)}, {"a.lora_B.weight", tensor({4, 2}, 1)}},
                 "two tensors are its up");
  expect_refused({{"a.hada_w1_a", tensor({4, 2}, 1)},
                  {"a.hada_w1_b", tensor({2, 6}, 1)},
                  {"a.hada_w2_a", tensor({4, 2}, 1)},
                  {"a.hada_w2_b", tensor({2, 5}, 1)}},
                 "its products are 4x6 and 4x5");
  expect_refused({{"a.hada_w1_a", tensor({4, 2}, 1)}}, "hada_w1_b is missing");
  expect_refused({{"a.lokr_w1", tensor({4, 2}, 1)}}, "lokr_w2_a is missing");
  expect_refused({{"a.lokr_w1", tensor({5000, 1}, 1)}, {"a.lokr_w2", tensor({5000, 1}, 1)}}, "a change of 25000000x1");
  expect_error(ErrorCode::unsupported, "holds no changes of weights", [] {
    parse_adapter({{"unet.conv_in.weight", tensor({4, 2}, 1)}}, "file");
  });
}

TEST(BadFiles, AreThoseThatAreNoTensors) {
  const ScratchFolder folder;
  EXPECT_EQ(error_of([&] { read_adapter(folder / "none.safetensors"); }).code(), ErrorCode::not_found);
  EXPECT_EQ(error_of([&] { read_adapter(folder.write("text.safetensors", "not one at all")); }).code(),
            ErrorCode::bad_file);
}

}  // namespace
}  // namespace sumi::test
