#include <gtest/gtest.h>

#include "models/model.h"
#include "models/presets.h"

namespace sumi::test {
namespace {

struct Wrong {
  const char* key;
  Json value;
  ErrorCode code;
  const char* text;
};

/// Each wrong setting alone, in an otherwise good configuration, gives its one line.
template <class Config>
void expect_refusals(const Json& good, const std::vector<Wrong>& cases) {
  EXPECT_NO_THROW(Config::from(Settings(good, "here")));
  for (const Wrong& wrong : cases) {
    Json bad = good;
    bad[wrong.key] = wrong.value;
    try {
      Config::from(Settings(bad, "here"));
      ADD_FAILURE() << wrong.key << " " << wrong.value << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()), std::string("here: ") + wrong.text);
      EXPECT_EQ(error.code(), wrong.code) << error.what();
    }
  }
}

Json preset(const char* name, const char* component) { return Preset(name).config(component).json(); }

TEST(UNetConfig, RefusesWhatItCannotCompute) {
  const auto code = ErrorCode::unsupported;
  expect_refusals<UNetConfig>(
      preset("sd15", "unet"),
      {{"act_fn", "gelu", code, R"(act_fn: "gelu" is not supported, only "silu" and "swish")"},
       {"class_embed_type", "timestep", code, R"(class_embed_type: "timestep" is not supported, only null)"},
       {"addition_embed_type", "image", code, R"(addition_embed_type: "image" is not supported, only "text_time")"},
       {"only_cross_attention", true, code, "only_cross_attention: true is not supported, only false"},
       {"resnet_time_scale_shift", "scale_shift", code,
        R"(resnet_time_scale_shift: "scale_shift" is not supported, only "default")"},
       {"mid_block_scale_factor", 1.4, code, "mid_block_scale_factor: 1.4 is not supported, only 1"},
       {"mid_block_type", "UNetMidBlock2DSimpleCrossAttn", code,
        R"(mid_block_type: "UNetMidBlock2DSimpleCrossAttn" is not supported, only "UNetMidBlock2DCrossAttn" and )"
        R"("UNetMidBlock2D")"},
       {"down_block_types",
        {"DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"},
        code,
        "down_block_types: 'AttnDownBlock2D' is not supported, only CrossAttnDownBlock2D and DownBlock2D"},
       {"up_block_types",
        {"UpBlock2D", "UpBlock2D", "UpBlock2D", "SkipUpBlock2D"},
        code,
        "up_block_types: 'SkipUpBlock2D' is not supported, only CrossAttnUpBlock2D and UpBlock2D"},
       {"sample_size", {64, 96}, code, "sample_size: 64 by 96 is not square"}});
}

TEST(UNetConfig, RefusesWhatMakesNoSense) {
  const auto code = ErrorCode::bad_file;
  expect_refusals<UNetConfig>(
      preset("sd15", "unet"),
      {{"block_out_channels", Json::array(), code, "block_out_channels: expected a list of 1 to 8 integers"},
       {"block_out_channels",
        {320, 640, 1280, 1281},
        code,
        "block_out_channels: 1281 is not a multiple of the 32 norm groups"},
       {"down_block_types", {"DownBlock2D"}, code, "down_block_types: 1 entries for 4 block_out_channels"},
       {"layers_per_block", 0, code, "layers_per_block: 0 is outside 1 to 8"},
       {"layers_per_block", {1, 2, 3}, code, "layers_per_block: 3 values, expected 4"},
       {"attention_head_dim", 7, code, "attention_head_dim: 7 heads do not divide the 320 channels of level 0"},
       {"num_attention_heads",
        {8, 8, 8, 9},
        code,
        "num_attention_heads: 9 heads do not divide the 1280 channels of level 3"},
       {"norm_num_groups", 0, code, "norm_num_groups: 0 is outside 1 to 8192"},
       {"transformer_layers_per_block", {1, 1}, code, "transformer_layers_per_block: 2 values, expected 4"},
       {"transformer_layers_per_block",
        {{1, 2, 3}, 1, 1, 1},
        code,
        "transformer_layers_per_block: 3 values, expected 2"},
       {"reverse_transformer_layers_per_block",
        {1, "x", 1, 1},
        code,
        R"(reverse_transformer_layers_per_block: expected an integer, found "x")"},
       {"time_cond_proj_dim", 255, code, "time_cond_proj_dim: 255 is odd, sinusoids come in pairs"},
       {"addition_embed_type", "text_time", code, "addition_time_embed_dim: missing"}});
}

TEST(UNetConfig, ReadsBothConventionsOfHeads) {
  Json json = preset("sd15", "unet");
  EXPECT_EQ(UNetConfig::from(Settings(json, "")).down[2].heads, 8);
  json["attention_head_dim"] = {5, 10, 20, 20};
  EXPECT_EQ(UNetConfig::from(Settings(json, "")).up[2].heads, 10);
  json["num_attention_heads"] = 4;
  EXPECT_EQ(UNetConfig::from(Settings(json, "")).middle->heads, 4);
}

// SSD-1B: depths that differ from layer to layer, other ones on the way up, and a middle without attention.
TEST(UNetConfig, ReadsDepthsOfEachLayer) {
  Json json = preset("sdxl", "unet");
  json["transformer_layers_per_block"] = {1, 2, Json::array({4, 3})};
  json["reverse_transformer_layers_per_block"] = {{4, 4, 10}, {2, 1, 1}, 1};
  json["mid_block_type"] = "UNetMidBlock2D";
  const UNetConfig config = UNetConfig::from(Settings(json, ""));
  using Depths = std::vector<std::int64_t>;
  EXPECT_EQ(config.down[0].depths, Depths{});
  EXPECT_EQ(config.down[1].depths, (Depths{2, 2}));
  EXPECT_EQ(config.down[2].depths, (Depths{4, 3}));
  EXPECT_EQ(config.up[0].depths, (Depths{4, 4, 10}));
  EXPECT_EQ(config.up[1].depths, (Depths{2, 1, 1}));
  EXPECT_EQ(config.up[2].depths, Depths{});
  EXPECT_EQ(config.middle->layers, 1);
  EXPECT_EQ(config.middle->depths, Depths{});
  json["mid_block_type"] = nullptr;
  EXPECT_FALSE(UNetConfig::from(Settings(json, "")).middle);
}

TEST(VaeConfig, RefusesWhatDoesNotFit) {
  expect_refusals<VaeConfig>(
      preset("sd15", "vae"),
      {{"act_fn", "relu", ErrorCode::unsupported, R"(act_fn: "relu" is not supported, only "silu" and "swish")"},
       {"latents_mean", {0, 0, 0, 0}, ErrorCode::unsupported, "latents_mean: [0,0,0,0] is not supported, only null"},
       {"up_block_types",
        {"UpDecoderBlock2D", "AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"},
        ErrorCode::unsupported,
        "up_block_types: 'AttnUpDecoderBlock2D' is not supported, only UpDecoderBlock2D"},
       {"down_block_types",
        {"DownEncoderBlock2D"},
        ErrorCode::bad_file,
        "down_block_types: 1 entries for 4 block_out_channels"},
       {"scaling_factor", 0, ErrorCode::bad_file, "scaling_factor: must not be 0"},
       {"latent_channels", "four", ErrorCode::bad_file, R"(latent_channels: expected an integer, found "four")"}});
  EXPECT_EQ(VaeConfig::from(Preset("sd15").config("vae")).reduction(), 8);
}

TEST(ClipTextConfig, RefusesWhatDoesNotFit) {
  expect_refusals<ClipTextConfig>(
      preset("sd15", "text_encoder"),
      {{"hidden_act", "gelu_new", ErrorCode::unsupported,
        "hidden_act: 'gelu_new' is not supported, only quick_gelu, gelu, silu and relu"},
       {"model_type", "t5", ErrorCode::unsupported, R"(model_type: "t5" is not supported, only "clip_text_model")"},
       {"num_attention_heads", 7, ErrorCode::bad_file, "num_attention_heads: 7 does not divide the 768 channels"},
       {"vocab_size", 0, ErrorCode::bad_file, "vocab_size: 0 is outside 1 to 16777216"}});
}

}  // namespace
}  // namespace sumi::test
