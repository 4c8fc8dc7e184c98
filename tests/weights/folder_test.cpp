#include "weights/folder.h"

#include <gtest/gtest.h>

#include "support/scratch.h"
#include "weights/pickle_file.h"
#include "weights/safetensors.h"

namespace sumi {
namespace {

using test::expect_error;
using test::ScratchFolder;

TEST(ModelFolder, ReadsADiffusersFolder) {
  const ModelFolder model(std::string(SUMI_SOURCE_DIR) + "/tests/fixtures/models/sd1");
  EXPECT_EQ(model.pipeline(), "StableDiffusionPipeline");
  EXPECT_EQ(model.components().size(), 5u);
  EXPECT_TRUE(model.has("unet"));
  EXPECT_FALSE(model.has("safety_checker"));
  EXPECT_FALSE(model.index().flag("requires_safety_checker", true));
  EXPECT_EQ(model.component("text_encoder").library, "transformers");
  EXPECT_EQ(model.component("scheduler").type, "PNDMScheduler");
  model.require({"unet", "vae", "text_encoder", "tokenizer", "scheduler"});
  EXPECT_EQ(model.config("unet").integer("in_channels", 0, 1, 100), 4);
  EXPECT_EQ(model.config("scheduler").integer("steps_offset", 0, 0, 1), 1);
  const auto count = count_weights(*model.weights("unet"));
  EXPECT_GT(count.parameters, 100'000);
  EXPECT_EQ(count.bytes, 2 * count.parameters);
  EXPECT_EQ(count.parameters_by_type.size(), 1u);
  EXPECT_EQ(count.parameters_by_type.at(DType::f16), count.parameters);
}

TEST(ModelFolder, RefusesWhatIsNoModel) {
  const ScratchFolder folder;
  expect_error(ErrorCode::not_found, "no such model folder", [&] { ModelFolder model(folder / "none"); });
  expect_error(ErrorCode::not_found, "no model_index.json", [&] { ModelFolder model(folder.path()); });
  const auto file = folder.write("file.safetensors", "");
  expect_error(ErrorCode::unsupported, "not a folder", [&] { ModelFolder model{file}; });
  const auto refused = [&](std::string_view index, std::string_view text) {
    folder.write("m/model_index.json", index);
    expect_error(ErrorCode::bad_file, text, [&] { ModelFolder model(folder / "m"); });
  };
  refused("{", "not valid JSON");
  refused("[]", "expected an object");
  refused(R"({"_class_name":3})", "_class_name");
  refused(R"({"../unet":["a","b"]})", "'../unet'");
}

TEST(ModelFolder, ListsAllThatIsMissing) {
  const ScratchFolder folder;
  folder.write("model_index.json",
               R"({"unet":["diffusers","UNet2DConditionModel"],"vae":["diffusers","AutoencoderKL"],)"
               R"("safety_checker":[null,null]})");
  folder.write("vae/config.json", "{");
  const ModelFolder model(folder.path());
  expect_error(ErrorCode::bad_model,
               "missing unet (no such folder), scheduler (not in model_index.json), safety_checker (not in", [&] {
                 model.require({"unet", "vae", "scheduler", "safety_checker"});
               });
  expect_error(ErrorCode::bad_model, "no tokenizer; the model has unet, vae", [&] { model.component("tokenizer"); });
  expect_error(ErrorCode::not_found, "unet/config.json: no such file", [&] { model.config("unet"); });
  expect_error(ErrorCode::bad_file, "not valid JSON", [&] { model.config("vae"); });
  expect_error(ErrorCode::not_found, "unet", [&] { model.weights("unet"); });
  expect_error(ErrorCode::not_found, "no weights there", [&] { model.weights("vae"); });
}

TEST(ModelFolder, FindsWeightFiles) {
  const ScratchFolder folder;
  // In the order in which a later one is preferred.
  for (const std::string name :
       {"some_name.ckpt", "some_name.safetensors", "model.non_ema.bin", "pytorch_model.bin.index.fp16.json",
        "pytorch_model.fp16.bin", "pytorch_model.bin.index.json", "diffusion_pytorch_model.bin",
        "diffusion_pytorch_model.non_ema.safetensors", "model.bf16.safetensors", "model.safetensors.index.fp16.json",
        "model.fp16.safetensors", "diffusion_pytorch_model.fp16.safetensors",
        "diffusion_pytorch_model.safetensors.index.json", "model.safetensors", "diffusion_pytorch_model.safetensors"}) {
    folder.write("c/" + name, "");
    EXPECT_EQ(weight_file(folder / "c"), folder / "c" / name);
  }
  folder.write("two/a.safetensors", "");
  folder.write("two/b.safetensors", "");
  expect_error(ErrorCode::not_found, "no weights there", [&] { weight_file(folder / "two"); });
  folder.write("flax/diffusion_flax_model.msgpack", "");
  expect_error(ErrorCode::unsupported, "not diffusion_flax_model.msgpack", [&] { weight_file(folder / "flax"); });
}

TEST(ModelFolder, OpensWeightsInSeveralFiles) {
  const ScratchFolder folder;
  folder.write("model_index.json", R"({"unet":["diffusers","UNet2DConditionModel"]})");
  folder.write("unet/diffusion_pytorch_model.safetensors.index.json", R"({"weight_map":{"w":"part1.safetensors"}})");
  write_safetensors(folder / "unet/part1.safetensors", {{"w", values_source({2}, {1, 2})}});
  EXPECT_EQ(read_all(*ModelFolder(folder.path()).weights("unet")->find("w")), (std::vector<float>{1, 2}));
}

TEST(ModelFolder, OpensPickledWeights) {
  const ScratchFolder folder;
  folder.write("model_index.json", R"({"unet":["diffusers","UNet2DConditionModel"],"vae":["diffusers","A"]})");
  const std::string pickle = test::only_code("w", test::tensor_code("ByteStorage", 2, 0, {2}, {1}));
  folder.write("unet/diffusion_pytorch_model.bin", test::torch_file(pickle, "\1\2"));
  folder.write("vae/diffusion_pytorch_model.bin.index.json", R"({"weight_map":{"w":"part1.bin"}})");
  folder.write("vae/part1.bin", test::torch_file(pickle, "\3\4"));
  const ModelFolder model(folder.path());
  EXPECT_EQ(model.weighted(), (std::vector<std::string>{"unet", "vae"}));
  EXPECT_EQ(read_all(*model.weights("unet")->find("w")), (std::vector<float>{1, 2}));
  EXPECT_EQ(read_all(*model.weights("vae")->find("w")), (std::vector<float>{3, 4}));
}

}  // namespace
}  // namespace sumi
