#include <fmt/core.h>
#include <gtest/gtest.h>

#include "program.h"
#include "sumi/image.h"
#include "support/fixture.h"
#include "weights/safetensors.h"

namespace sumi::test {
namespace {

using Words = std::vector<std::string>;

/// Files of one family given to a model of another.
class Families : public testing::Test {
 protected:
  Families() {
    write_image(files_ / "picture.png", {.width = 64, .height = 64, .rgb = std::vector<std::uint8_t>(3 * 64 * 64, 90)});
  }

  std::string file(const std::string& name) const { return (files_ / name).string(); }
  /// A file of tensors of those shapes.
  std::string tensors(const std::string& name, const std::vector<std::pair<std::string, Shape>>& shapes) const {
    TensorMap map;
    for (const auto& [key, shape] : shapes) {
      map[key] = values_source(shape, std::vector<float>(static_cast<std::size_t>(shape.elements()), 0.01f));
    }
    write_safetensors(files_ / name, map);
    return file(name);
  }
  void expect_refused(const std::string& model, const Words& more, const std::string& what) const {
    const ScratchFolder folder;
    Words words{"generate", "a <thing>", "-m", fixture("models/" + model), "--steps", "2", "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    expect_refusal(run(folder.path(), words), 1, what, folder.path());
  }

  ScratchFolder files_;
};

TEST_F(Families, OfAnAdapterIsTold) {
  expect_refused("sd1", {"--lora", fixture("loras/lora-sdxl.safetensors")}, "lora-sdxl.safetensors: made for");
  const std::string key = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_";
  const std::string known =
      tensors("first.safetensors", {{key + "down.weight", {4, 768}}, {key + "up.weight", {32, 4}}});
  expect_refused("sd1", {"--lora", known},
                 "first.safetensors: made for Stable Diffusion 1, the model is one whose prompts have 32 channels");
  const std::string flux = "transformer.single_transformer_blocks.0.attn.to_q.lora_";
  const std::string other = tensors("flux.safetensors", {{flux + "A.weight", {4, 64}}, {flux + "B.weight", {64, 4}}});
  expect_refused("sd1", {"--lora", other}, "flux.safetensors: made for Flux");
}

TEST_F(Families, OfAControlNetIsTold) {
  const std::string picture = fmt::format("={}", file("picture.png"));
  const std::string xl = fixture("models/controlnet-sdxl"), single = fixture("single/controlnet-sd1.safetensors");
  expect_refused("sd1", {"--control", xl + picture},
                 xl + ": a ControlNet for another family of models: it has 96 added channels, the model 0");
  expect_refused("sdxl", {"--control", single + picture}, single + ": a ControlNet for another family of models");
  const std::string lora = fixture("loras/lora-kohya.safetensors");
  expect_refused("sd1", {"--control", lora + picture}, "lora-kohya.safetensors: not a ControlNet but");
}

TEST_F(Families, OfALearnedWordIsTold) {
  expect_refused("sd2", {"--embedding", fixture("embeddings/thing.safetensors")},
                 "thing.safetensors: vectors of 32 channels, the model's first text encoder has 64");
  expect_refused("sdxl", {"--embedding", fixture("embeddings/thing.safetensors")},
                 "the model's second text encoder has 48");
  const std::string both = tensors("both.safetensors", {{"clip_l", {2, 32}}, {"clip_g", {2, 48}}});
  expect_refused("sd1", {"--embedding", both}, "both.safetensors: has vectors for a second text encoder");
  expect_refused("sd1", {"--embedding", fixture("loras/lora-kohya.safetensors")}, "the token of a learned word");
}

TEST_F(Families, OfAnAutoencoderIsTold) {
  const std::string xl = fixture("models/sdxl/vae");
  expect_refused("sd1", {"--vae", xl}, xl + ": an autoencoder of another family: its latents are scaled by 0.13025");
  Json config = read_json(fixtures() / "models/sd1/vae/config.json");
  config["latent_channels"] = 16;
  files_.write("third/config.json", config.dump());
  files_.write("third/diffusion_pytorch_model.safetensors",
               read_text(fixtures() / "models/sd1/vae/diffusion_pytorch_model.safetensors"));
  expect_refused("sd1", {"--vae", file("third")}, "its latents have 16 channels, the model's 4");
  expect_refused("sd1", {"--vae", fixture("loras/lora-kohya.safetensors")}, "not an autoencoder but");
}

}  // namespace
}  // namespace sumi::test
