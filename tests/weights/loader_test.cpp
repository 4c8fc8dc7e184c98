#include "weights/loader.h"

#include <gtest/gtest.h>

#include "core/check.h"
#include "support/scratch.h"
#include "weights/raw_file.h"
#include "weights/safetensors.h"

namespace sumi {
namespace {

using test::error_of;
using test::expect_error;

SourcePtr ones(const Shape& shape) {
  return values_source(shape, std::vector<float>(static_cast<std::size_t>(shape.elements()), 1));
}

CheckpointPtr memory(TensorMap tensors) { return std::make_shared<Checkpoint>("memory", std::move(tensors)); }

TEST(Loader, TakesTensorsByPlace) {
  const Loader root(
      memory({{"down.0.conv.weight", ones({2, 3, 3, 3})}, {"down.0.conv.bias", values_source({2}, {4, 5})}}));
  const Loader conv = root.at("down", 0).at("conv");
  EXPECT_EQ(conv.path("weight"), "down.0.conv.weight");
  EXPECT_EQ(conv.weight("weight", {2, 3, 3, 3})->shape(), (Shape{2, 3, 3, 3}));
  EXPECT_EQ(conv.values("bias", {2}), (std::vector<float>{4, 5}));
  EXPECT_TRUE(conv.has("bias"));
  EXPECT_FALSE(root.has("bias"));
  EXPECT_EQ(conv.optional_weight("other", {1}), nullptr);
  EXPECT_EQ(conv.optional_values("other", {1}), std::nullopt);
  EXPECT_EQ(conv.optional_values("bias", {2}), (std::vector<float>{4, 5}));
  root.finish();
}

TEST(Loader, AcceptsAPointwiseConvolutionAsLinear) {
  const Loader loader(memory({{"conv", values_source({2, 3, 1, 1}, {1, 2, 3, 4, 5, 6})}, {"linear", ones({2, 3})}}));
  const auto linear = loader.weight("conv", {2, 3});
  EXPECT_EQ(linear->shape(), (Shape{2, 3}));
  EXPECT_EQ(read_all(*linear), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(loader.weight("linear", {2, 3, 1, 1})->shape(), (Shape{2, 3, 1, 1}));
  loader.finish();
}

TEST(Loader, TellsAllProblemsAtOnce) {
  const test::ScratchFolder folder;
  const auto path =
      folder.write("m.safetensors",
                   test::raw_safetensors(R"({"ids":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                         R"("flat":{"dtype":"F8_E4M3","shape":[6],"data_offsets":[1,7]},)"
                                         R"("turned":{"dtype":"F8_E4M3","shape":[3,2],"data_offsets":[7,13]},)"
                                         R"("extra":{"dtype":"U8","shape":[],"data_offsets":[13,14]},)"
                                         R"("known.position_ids":{"dtype":"U8","shape":[],"data_offsets":[14,15]}})",
                                         std::string(15, 'x')));
  const Loader loader(open_checkpoint(path.string()));
  EXPECT_EQ(loader.values("gone", {3}), (std::vector<float>{0, 0, 0}));
  loader.at("block", 1).weight("also", {4});
  EXPECT_EQ(loader.weight("flat", {2, 3})->shape(), (Shape{2, 3}));
  loader.weight("turned", {2, 3});
  loader.weight("turned", {2, 3});
  loader.optional_weight("ids", {1});
  EXPECT_EQ(
      std::string(error_of([&] { loader.finish(); }).what()),
      path.string() +
          ": tensors do not fit the configuration: 2 missing: gone (3), block.1.also (4); 2 misshapen: flat is 6, "
          "expected 2x3, turned is 3x2, expected 2x3; 1 of a type that holds no weights: ids is u8; 1 not used by "
          "this model: extra");
  EXPECT_EQ(error_of([&] { loader.finish(); }).code(), ErrorCode::bad_model);
}

TEST(Loader, NamesAtMostTwentyAndCountsTheRest) {
  TensorMap tensors;
  for (int i = 0; i < 30; ++i) tensors.emplace(fmt::format("extra{:02}", i), ones({1}));
  const Loader loader(memory(std::move(tensors)));
  for (int i = 0; i < 5; ++i) loader.at("list", i).weight("w", {1});
  const std::string text = error_of([&] { loader.finish(); }).what();
  EXPECT_NE(text.find("5 missing: list.0.w (1), list.1.w (1)"), std::string::npos) << text;
  EXPECT_NE(text.find("30 not used by this model: extra00, "), std::string::npos) << text;
  EXPECT_NE(text.find("extra14 and 15 more"), std::string::npos) << text;
}

TEST(Loader, IgnoresWhatItIsToldTo) {
  const Loader loader(memory({{"a.seen", ones({1})}, {"b.seen", ones({1})}, {"c", ones({1})}}));
  loader.ignore("*.seen");
  expect_error(ErrorCode::bad_model, "1 not used by this model: c", [&] { loader.finish(); });
  loader.ignore("c");
  loader.finish();
}

TEST(Loader, TakesEverythingFromASyntheticCheckpoint) {
  const auto checkpoint = synthetic_checkpoint(DType::bf16);
  const Loader loader(checkpoint);
  EXPECT_FALSE(loader.has("conv.weight"));
  EXPECT_EQ(loader.at("conv").weight("weight", {8, 4, 3, 3})->stored(), DType::bf16);
  EXPECT_NEAR(loader.values("norm.weight", {8})[3], 1, 0.11);
  loader.finish();
  EXPECT_EQ(checkpoint->tensors().size(), 2u);
}

TEST(Loader, ReadsClipTextEncodersWithAndWithoutPrefix) {
  for (const std::string prefix : {"text_model.", ""}) {
    const auto checkpoint =
        memory({{prefix + "final_layer_norm.bias", ones({2})}, {"text_projection.weight", ones({2, 2})}});
    const Loader loader(checkpoint, clip_text_names(*checkpoint));
    EXPECT_EQ(loader.at("text_model").values("final_layer_norm.bias", {2}), (std::vector<float>{1, 1}));
    loader.weight("text_projection.weight", {2, 2});
    loader.finish();
  }
  for (const auto* name : {"bksdm-small", "sd1"}) {
    const auto path = fmt::format("{}/tests/fixtures/models/{}/text_encoder/model.safetensors", SUMI_SOURCE_DIR, name);
    const auto checkpoint = open_checkpoint(path);
    EXPECT_TRUE(Loader(checkpoint, clip_text_names(*checkpoint)).has("text_model.embeddings.token_embedding.weight"));
  }
}

TEST(Loader, ReadsOldAttentionNamesOfVaes) {
  const std::string old = "decoder.mid_block.attentions.0.";
  TensorMap tensors{{old + "query.weight", ones({4, 4, 1, 1})},
                    {old + "proj_attn.weight", ones({4, 4, 1, 1})},
                    {old + "key.bias", ones({4})},
                    {old + "value.bias", ones({4})},
                    {old + "group_norm.bias", ones({4})}};
  const auto checkpoint = memory(std::move(tensors));
  const Loader loader(checkpoint, vae_names(*checkpoint));
  const Loader attention = loader.at("decoder.mid_block.attentions", 0);
  attention.weight("to_q.weight", {4, 4});
  attention.weight("to_out.0.weight", {4, 4});
  attention.values("to_k.bias", {4});
  attention.values("to_v.bias", {4});
  attention.values("group_norm.bias", {4});
  loader.finish();

  const auto now = memory({{"decoder.mid_block.attentions.0.to_q.weight", ones({4, 4})}});
  EXPECT_TRUE(Loader(now, vae_names(*now)).has("decoder.mid_block.attentions.0.to_q.weight"));
}

}  // namespace
}  // namespace sumi
