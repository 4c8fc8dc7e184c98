#include "hub/choose.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/json.h"

namespace sumi::test {
namespace {

using Names = std::vector<std::string>;

Settings index_of(const char* text) { return Settings(parse_json(text, "model_index.json"), "model_index.json"); }

Names sorted(Names names) {
  std::sort(names.begin(), names.end());
  return names;
}

/// The weights of a UNet that are chosen from these files of its folder, which has a configuration besides.
Names unet_weights(Names files, const std::string& variant = "") {
  for (std::string& file : files) file = "unet/" + file;
  files.push_back("unet/config.json");
  const Choice choice = choose_files(files, index_of(R"({"unet": ["diffusers", "UNet2DConditionModel"]})"), variant);
  Names weights;
  for (const std::string& file : choice.files) {
    if (file != "unet/config.json") weights.push_back(file.substr(5));
  }
  EXPECT_EQ(weights.empty(), choice.missing == Names{"unet: weights"});
  return sorted(weights);
}

TEST(ChooseFiles, OneSetOfWeights) {
  const std::string plain = "diffusion_pytorch_model.safetensors", half = "diffusion_pytorch_model.fp16.safetensors",
                    bin = "diffusion_pytorch_model.bin", half_bin = "diffusion_pytorch_model.fp16.bin",
                    ema = "diffusion_pytorch_model.non_ema.safetensors";
  EXPECT_EQ(unet_weights({bin, half, plain, ema, half_bin, "model.onnx", "diffusion_flax_model.msgpack",
                          "openvino_model.bin", "openvino_model.xml"}),
            Names{plain});
  EXPECT_EQ(unet_weights({bin, half, ema}), Names{half}) << "safetensors of any variant before pickles";
  EXPECT_EQ(unet_weights({half_bin, bin}), Names{bin});
  EXPECT_EQ(unet_weights({plain, half, ema}, "fp16"), Names{half});
  EXPECT_EQ(unet_weights({plain, half, ema}, "non_ema"), Names{ema});
  EXPECT_EQ(unet_weights({plain, bin}, "fp16"), Names{plain}) << "a part that has no such variant";
  EXPECT_EQ(unet_weights({"own.safetensors"}), Names{"own.safetensors"});
  EXPECT_EQ(unet_weights({"model.onnx", "diffusion_flax_model.msgpack", "openvino_model.bin"}), Names{});
}

TEST(ChooseFiles, ShardsComeWithTheirIndex) {
  const std::string base = "diffusion_pytorch_model";
  const Names shards{base + "-00001-of-00002.safetensors", base + "-00002-of-00002.safetensors",
                     base + ".safetensors.index.json"};
  EXPECT_EQ(unet_weights(shards), shards);
  const Names after{base + "-00001-of-00002.fp16.safetensors", base + "-00002-of-00002.fp16.safetensors",
                    base + ".safetensors.index.fp16.json"};
  EXPECT_EQ(unet_weights(after), after);
  const Names before{base + ".fp16-00001-of-00002.safetensors", base + ".fp16-00002-of-00002.safetensors",
                     base + ".fp16.safetensors.index.json"};
  EXPECT_EQ(unet_weights(before), sorted(before));
  EXPECT_EQ(unet_weights({shards[0], shards[2]}), Names{}) << "a shard is missing";
  EXPECT_EQ(unet_weights({shards[0], shards[1]}), Names{}) << "the index is missing";
  EXPECT_EQ(unet_weights({shards[0], shards[2], base + ".fp16.safetensors"}), Names{base + ".fp16.safetensors"});
}

TEST(ChooseFiles, PartsOfAModel) {
  const Settings index = index_of(R"({
      "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.2", "requires_safety_checker": true,
      "feature_extractor": ["transformers", "CLIPFeatureExtractor"], "image_encoder": [null, null],
      "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
      "scheduler": ["diffusers", "PNDMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
      "tokenizer": ["transformers", "CLIPTokenizer"], "vae": ["diffusers", "AutoencoderKL"]})");
  Names wanted{"feature_extractor/preprocessor_config.json",
               "generation.json",
               "model_index.json",
               "safety_checker/config.json",
               "scheduler/scheduler_config.json",
               "text_encoder/config.json",
               "text_encoder/model.safetensors",
               "tokenizer/merges.txt",
               "tokenizer/tokenizer_config.json",
               "tokenizer/vocab.json",
               "vae/config.json",
               "vae/diffusion_pytorch_model.safetensors"};
  Names all = wanted;
  for (const char* more : {".gitattributes", "README.md", "v1-5-pruned.safetensors", "v1-5-pruned.ckpt", "flax/x.json",
                           "safety_checker/model.safetensors", "text_encoder/pytorch_model.bin",
                           "text_encoder/sub/model.safetensors", "unet/diffusion_pytorch_model.safetensors"}) {
    all.emplace_back(more);
  }
  const Choice choice = choose_files(all, index);
  EXPECT_EQ(sorted(choice.files), wanted);
  EXPECT_EQ(choice.left_out, Names{"safety_checker"});
  EXPECT_EQ(choice.missing, Names{});
  std::erase_if(all, [](const std::string& name) {
    return name == "tokenizer/merges.txt" || name == "scheduler/scheduler_config.json" || name == "vae/config.json";
  });
  EXPECT_EQ(choose_files(all, index).missing,
            (Names{"scheduler: scheduler_config.json", "tokenizer: vocabulary", "vae: config.json"}));
}

TEST(ChooseFiles, WithoutFolders) {
  const Choice part = choose_files({"README.md", "config.json", "diffusion_pytorch_model.bin",
                                    "diffusion_pytorch_model.safetensors", "other.safetensors"},
                                   std::nullopt);
  EXPECT_EQ(sorted(part.files), (Names{"config.json", "diffusion_pytorch_model.safetensors"}));
  EXPECT_EQ(part.single, "");

  const Choice single =
      choose_files({"a.safetensors", "a.yaml", "a.ckpt", "b.yaml", "sub/b.safetensors"}, std::nullopt);
  EXPECT_EQ(single.single, "a.safetensors");
  EXPECT_EQ(single.files, (Names{"a.safetensors", "a.yaml"}));
  EXPECT_EQ(choose_files({"learned_embeds.bin", "x.png"}, std::nullopt).single, "learned_embeds.bin");

  const Choice several = choose_files({"a.safetensors", "b.safetensors", "c.ckpt"}, std::nullopt);
  EXPECT_EQ(several.files, Names{});
  EXPECT_EQ(several.candidates, (Names{"a.safetensors", "b.safetensors"}));
  EXPECT_FALSE(choose_files({"README.md"}, std::nullopt).missing.empty());
}

TEST(ChooseFiles, Patterns) {
  const Names all{"a.json", "unet/b.json", "unet/sub/c.safetensors", "x[1].ckpt"};
  EXPECT_EQ(match_files(all, {"*.json"}), (Names{"a.json", "unet/b.json"}));
  EXPECT_EQ(match_files(all, {"unet/"}), (Names{"unet/b.json", "unet/sub/c.safetensors"}));
  EXPECT_EQ(match_files(all, {"a.jso?", "*.safetensors"}), (Names{"a.json", "unet/sub/c.safetensors"}));
  EXPECT_EQ(match_files(all, {"A.json", "[", ""}), Names{});
}

}  // namespace
}  // namespace sumi::test
