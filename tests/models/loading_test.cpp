#include <algorithm>
#include <gmock/gmock.h>

#include <gtest/gtest.h>

#include "models/model.h"

namespace sumi::test {
namespace {

using testing::HasSubstr;

SourcePtr zeros(const Shape& shape) {
  return values_source(shape, std::vector<float>(static_cast<std::size_t>(shape.elements())));
}

/// What loading says of a component of `model` whose tensors are `change`d; nothing if it takes them.
template <class Config, class Model>
std::string complaint(const std::string& component, const std::function<void(TensorMap&)>& change) {
  const ModelFolder folder(model_path("sd1"));
  TensorMap tensors = folder.weights(component)->tensors();
  change(tensors);
  const Loader loader(std::make_shared<Checkpoint>("changed", tensors));
  const Model model(Config::from(folder.config(component)), loader);
  try {
    loader.finish();
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_model);
    EXPECT_EQ(std::count(error.what(), error.what() + std::strlen(error.what()), '\n'), 0);
    return error.what();
  }
}

TEST(Loading, EveryTensorIsUsed) {
  for (const char* name : {"sd1", "sd2", "bksdm-small", "bksdm-tiny", "lcm", "emoji"}) {
    const ModelFolder folder(model_path(name));
    EXPECT_NO_THROW(load_text(folder)) << name;
    EXPECT_NO_THROW(load_unet(folder)) << name;
    EXPECT_NO_THROW(load_vae(folder)) << name;
  }
}

TEST(Loading, ListsAllThatIsWrongWithAUNet) {
  const auto text = complaint<UNetConfig, UNet>("unet", [](TensorMap& tensors) {
    tensors.erase("conv_in.bias");
    tensors.erase("down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_k.weight");
    tensors["mid_block.resnets.1.conv2.weight"] = zeros({64, 64, 3, 1});
    tensors["up_blocks.2.attentions.0.norm.weight"] = zeros({64});
    tensors["stray.weight"] = zeros({1});
  });
  EXPECT_THAT(text, HasSubstr("2 missing"));
  EXPECT_THAT(text, HasSubstr("conv_in.bias (32)"));
  EXPECT_THAT(text, HasSubstr("down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_k.weight (32x32)"));
  EXPECT_THAT(text, HasSubstr("2 misshapen"));
  EXPECT_THAT(text, HasSubstr("mid_block.resnets.1.conv2.weight is 64x64x3x1, expected 64x64x3x3"));
  EXPECT_THAT(text, HasSubstr("up_blocks.2.attentions.0.norm.weight is 64, expected 32"));
  EXPECT_THAT(text, HasSubstr("1 not used by this model: stray.weight"));
}

TEST(Loading, ListsAllThatIsWrongWithAnAutoencoder) {
  const auto text = complaint<VaeConfig, Vae>("vae", [](TensorMap& tensors) {
    tensors.erase("encoder.down_blocks.0.downsamplers.0.conv.weight");
    tensors["decoder.conv_out.weight"] = zeros({4, 32, 3, 3});
    tensors["decoder.up_blocks.3.upsamplers.0.conv.bias"] = zeros({32});
  });
  EXPECT_THAT(text, HasSubstr("1 missing: encoder.down_blocks.0.downsamplers.0.conv.weight"));
  EXPECT_THAT(text, HasSubstr("1 misshapen: decoder.conv_out.weight is 4x32x3x3, expected 3x32x3x3"));
  EXPECT_THAT(text, HasSubstr("1 not used by this model: decoder.up_blocks.3.upsamplers.0.conv.bias"));
}

TEST(Loading, ListsAllThatIsWrongWithATextEncoder) {
  const auto text = complaint<ClipTextConfig, ClipText>("text_encoder", [](TensorMap& tensors) {
    tensors.erase("text_model.final_layer_norm.bias");
    tensors["text_model.embeddings.position_embedding.weight"] = zeros({76, 32});
    tensors["text_model.encoder.layers.5.layer_norm1.bias"] = zeros({32});
    tensors["text_model.embeddings.position_ids"] = zeros({1, 77});  // harmless
    tensors["text_projection.weight"] = zeros({32, 32});             // not for this kind of encoder
  });
  EXPECT_THAT(text, HasSubstr("1 missing: text_model.final_layer_norm.bias (32)"));
  EXPECT_THAT(text, HasSubstr("1 misshapen: text_model.embeddings.position_embedding.weight is 76x32, expected 77x32"));
  EXPECT_THAT(text, HasSubstr("1 not used by this model: text_model.encoder.layers.5.layer_norm1.bias"));
}

}  // namespace
}  // namespace sumi::test
