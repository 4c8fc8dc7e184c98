#include <gtest/gtest.h>

#include "program.h"
#include "sumi/image.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

/// The bytes of every tensor are the same in both files, whatever their order.
void expect_same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto first = open_checkpoint(a.string()), second = open_checkpoint(b.string());
  ASSERT_EQ(first->tensors().size(), second->tensors().size()) << a;
  for (const auto& [name, source] : first->tensors()) {
    const SourcePtr other = second->find(name);
    ASSERT_TRUE(other) << name;
    EXPECT_EQ(other->shape(), source->shape()) << name;
    EXPECT_EQ(other->stored(), source->stored()) << name;
    EXPECT_EQ(read_all(*other), read_all(*source)) << name;
  }
}

TEST(Convert, AFolderAndItsFileHoldTheSame) {
  const ScratchFolder folder;
  const std::string sdxl = fixture("models/sdxl");
  Ran ran = run(folder.path(), {"convert", sdxl, "sdxl.safetensors"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  expect_same_file(folder / "sdxl.safetensors", fixture("single/sdxl.safetensors"));
  ran = run(folder.path(), {"convert", "sdxl.safetensors", "sdxl", "--config", sdxl});
  ASSERT_EQ(ran.status, 0) << ran.err;
  for (const std::string part : {"unet", "vae", "text_encoder", "text_encoder_2"}) {
    const std::string file = part.starts_with("text") ? "/model.safetensors" : "/diffusion_pytorch_model.safetensors";
    expect_same_file(folder / ("sdxl/" + part + file), sdxl + "/" + part + file);
  }
  EXPECT_EQ(read_text(folder / "sdxl/tokenizer_2/vocab.json"), read_text(sdxl + "/tokenizer_2/vocab.json"));
  EXPECT_EQ(files_in(folder.path()), (std::vector<std::string>{"sdxl", "sdxl.safetensors"}));

  const auto picture = [&](const std::string& model, const std::string& out) {
    const Ran made =
        run(folder.path(), {"generate", "a red apple, 3d", "-m", model, "--steps", "2", "--seed", "7", "-o", out});
    EXPECT_EQ(made.status, 0) << made.err;
    return read_image(folder / out).rgb;
  };
  ASSERT_EQ(
      run(folder.path(), {"convert", fixture("single/sd1.ckpt"), "sd1", "--config", fixture("models/sd1")}).status, 0);
  EXPECT_EQ(picture("sd1", "a.png"), picture(fixture("models/sd1"), "b.png"));
}

TEST(Convert, AFileByItselfGetsClipsTokenizer) {
  const ScratchFolder folder;
  ASSERT_EQ(run(folder.path(), {"convert", fixture("single/sdxl.safetensors"), "out", "--dtype", "bf16"}).status, 0);
  const Json index = read_json(folder / "out/model_index.json");
  EXPECT_EQ(index.at("_class_name"), "StableDiffusionXLPipeline");
  EXPECT_EQ(index.at("tokenizer_2"), (Json{"transformers", "CLIPTokenizer"}));
  EXPECT_EQ(read_json(folder / "out/tokenizer/vocab.json").size(), 49408u);
  EXPECT_EQ(read_json(folder / "out/tokenizer/tokenizer_config.json").at("pad_token"), "<|endoftext|>");
  EXPECT_EQ(read_json(folder / "out/tokenizer_2/tokenizer_config.json").at("pad_token"), "!");
  const auto vae = open_checkpoint((folder / "out/vae/diffusion_pytorch_model.safetensors").string());
  for (const auto& [name, source] : vae->tensors()) EXPECT_EQ(source->stored(), DType::bf16) << name;
}

TEST(Convert, PartsByThemselves) {
  const ScratchFolder folder;
  ASSERT_EQ(run(folder.path(), {"convert", fixture("models/controlnet-sd1"), "c.safetensors"}).status, 0);
  expect_same_file(folder / "c.safetensors", fixture("single/controlnet-sd1.safetensors"));
  ASSERT_EQ(run(folder.path(), {"convert", "c.safetensors", "c"}).status, 0);
  expect_same_file(folder / "c/diffusion_pytorch_model.safetensors",
                   fixture("models/controlnet-sd1/diffusion_pytorch_model.safetensors"));
  ASSERT_EQ(run(folder.path(), {"convert", fixture("models/sd1/vae"), "v.safetensors"}).status, 0);
  ASSERT_EQ(run(folder.path(), {"convert", "v.safetensors", "v"}).status, 0);
  expect_same_file(folder / "v/diffusion_pytorch_model.safetensors",
                   fixture("models/sd1/vae/diffusion_pytorch_model.safetensors"));
  ASSERT_EQ(run(folder.path(), {"convert", fixture("single/sd1.ckpt"), "plain.safetensors"}).status, 0);
  expect_same_file(folder / "plain.safetensors", fixture("single/sd1.safetensors"));
}

TEST(Convert, RefusesInOneLineAndLeavesNothing) {
  const ScratchFolder folder, files;
  const auto refused = [&](int status, std::vector<std::string> arguments, const std::string& what) {
    arguments.insert(arguments.begin(), "convert");
    expect_refusal(run(folder.path(), arguments), status, what, folder.path());
  };
  const std::string sd1 = fixture("models/sd1"), file = fixture("single/sd1.safetensors");
  refused(2, {sd1, "out"}, "ends in .safetensors");
  refused(2, {file, "out", "--dtype", "f8"}, "dtype 'f8' is not known");
  refused(2, {file, "out", "--prediction", "x"}, "there are epsilon and v");
  refused(2, {file}, "OUT");
  refused(1, {"nothing.ckpt", "out"}, "nothing.ckpt");
  refused(1, {fixture("loras/lora-kohya.safetensors"), "out"}, "but a LoRA");
  refused(1, {fixture("models/taesd"), "t.safetensors"}, "has no place in a single file");
  refused(1, {files.path().string(), "x.safetensors"}, "no model there");
  const auto cut = files.write("cut.ckpt", read_text(fixture("single/sd1.ckpt")).substr(0, 100'000));
  refused(1, {cut.string(), "out"}, "cut short");
  const auto full = files.write("full/x", "");
  refused(1, {file, full.parent_path().string()}, "exists already");
}

}  // namespace
}  // namespace sumi::test
