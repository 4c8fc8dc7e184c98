#include "weights/single_file.h"

#include <gtest/gtest.h>

#include "support/fixture.h"
#include "support/scratch.h"
#include "weights/folder.h"
#include "weights/ldm_file.h"
#include "weights/raw_file.h"
#include "weights/safetensors.h"

namespace sumi {
namespace {

using test::expect_error;
using test::fixtures;
using test::ScratchFolder;

/// Every tensor of `expected` is in `actual`, of the same shape and values, and no other. bf16 values stored as f16
/// differ below the least f16.
void expect_same_tensors(const Checkpoint& actual, const Checkpoint& expected, double tolerance = 0) {
  for (const auto& [name, source] : expected.tensors()) {
    const SourcePtr other = actual.find(name);
    ASSERT_TRUE(other) << actual.where() << " lacks " << name;
    EXPECT_EQ(other->shape(), source->shape()) << name;
    EXPECT_LE(test::largest_difference(read_all(*other), read_all(*source)), tolerance) << name;
  }
  EXPECT_EQ(actual.tensors().size(), expected.tensors().size()) << actual.where();
}

class SingleFile : public testing::TestWithParam<const char*> {
 protected:
  const std::string file_ = GetParam();
  const std::string name_ = file_.substr(0, file_.find('.'));
  const std::filesystem::path folder_ = fixtures() / "models" / name_;
};

TEST_P(SingleFile, HoldsWhatTheFolderHolds) {
  const ModelFolder folder(folder_);
  const auto file = open_single_file(fixtures() / "single" / file_, {.config = folder_});
  EXPECT_EQ(file->pipeline(), folder.pipeline());
  EXPECT_EQ(file->weighted(), folder.weighted());
  EXPECT_EQ(file->components().size(), folder.components().size());
  for (const auto& [name, component] : folder.components()) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(file->has(name));
    if (name.starts_with("tokenizer")) {
      EXPECT_EQ(file->tokenizer(name), folder.tokenizer(name));
      continue;
    }
    EXPECT_EQ(file->component(name).type, component.type);
    EXPECT_EQ(file->component(name).library, component.library);
    Json config = file->config(name).json();
    config.erase("_class_name");
    Json expected = folder.config(name).json();
    expected.erase("_class_name");
    EXPECT_EQ(config, expected);
    if (name == "scheduler") continue;
    expect_same_tensors(*file->weights(name), *folder.weights(name), name_ == "sd2" ? 0x1p-25 : 0);
  }
}

/// What shapes tell, without a configuration beside the file.
TEST_P(SingleFile, ConfigurationsComeFromShapes) {
  const ModelFolder folder(folder_);
  const auto file = open_single_file(fixtures() / "single" / file_);
  const auto expect = [&](const char* component, std::initializer_list<const char*> keys) {
    const Json actual = file->config(component).json(), expected = folder.config(component).json();
    for (const char* key : keys)
      EXPECT_EQ(actual.value(key, Json()), expected.value(key, Json())) << component << ": " << key;
  };
  expect("unet", {"in_channels", "out_channels", "block_out_channels", "layers_per_block", "cross_attention_dim",
                  "down_block_types", "up_block_types", "mid_block_type", "use_linear_projection",
                  "transformer_layers_per_block", "reverse_transformer_layers_per_block", "addition_embed_type",
                  "projection_class_embeddings_input_dim", "time_cond_proj_dim"});
  expect("vae", {"in_channels", "out_channels", "latent_channels", "block_out_channels", "layers_per_block",
                 "down_block_types", "up_block_types", "scaling_factor"});
  for (const char* text : {"text_encoder", "text_encoder_2"}) {
    if (!folder.has(text)) continue;
    expect(text, {"architectures", "hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size", "hidden_act",
                  "max_position_embeddings", "projection_dim", "bos_token_id", "eos_token_id"});
  }
  for (const char* key : {"beta_start", "beta_end", "beta_schedule", "steps_offset", "_class_name"}) {
    EXPECT_EQ(file->config("scheduler").json().at(key), folder.config("scheduler").json().at(key)) << key;
  }
  EXPECT_EQ(file->config("scheduler").text("prediction_type", ""), name_ == "sd2" ? "v_prediction" : "epsilon");
  EXPECT_EQ(file->pipeline(), folder.pipeline());
  EXPECT_EQ(file->tokenizer("tokenizer"), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(, SingleFile,
                         testing::Values("sd1.safetensors", "sd1.ckpt", "sd2.safetensors", "sdxl.safetensors"),
                         [](const auto& each) {
                           std::string name = each.param;
                           name[name.find('.')] = '_';
                           return name;
                         });

TEST(OpenPart, ReadsControlNetsOfEveryNaming) {
  const auto folder = open_part(fixtures() / "models/controlnet-sd1", "controlnet");
  EXPECT_EQ(folder->component("controlnet").type, "ControlNetModel");
  for (const auto& path : {fixtures() / "single/controlnet-sd1.safetensors",
                           fixtures() / "models/controlnet-sd1/diffusion_pytorch_model.safetensors"}) {
    const auto file = open_part(path, "controlnet");
    EXPECT_EQ(file->component("controlnet").type, "ControlNetModel");
    expect_same_tensors(*file->weights("controlnet"), *folder->weights("controlnet"));
    for (const char* key :
         {"in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim", "down_block_types",
          "mid_block_type", "conditioning_channels", "conditioning_embedding_out_channels", "attention_head_dim",
          "use_linear_projection", "transformer_layers_per_block"}) {
      EXPECT_EQ(file->config("controlnet").json().at(key), folder->config("controlnet").json().at(key)) << key;
    }
  }
  const auto xl = open_part(fixtures() / "models/controlnet-sdxl/diffusion_pytorch_model.safetensors", "controlnet",
                            {{"attention_head_dim", {2, 4, 8}}, {"addition_time_embed_dim", 8}});
  const auto expected = open_part(fixtures() / "models/controlnet-sdxl", "controlnet");
  for (const char* key : {"attention_head_dim", "addition_embed_type", "addition_time_embed_dim",
                          "projection_class_embeddings_input_dim", "transformer_layers_per_block"}) {
    EXPECT_EQ(xl->config("controlnet").json().at(key), expected->config("controlnet").json().at(key)) << key;
  }
}

TEST(OpenPart, ReadsVaesAndUNetsOfEveryNaming) {
  const ModelFolder sdxl(fixtures() / "models/sdxl");
  for (const char* part : {"vae", "unet"}) {
    const auto in_file = open_part(fixtures() / "single/sdxl.safetensors", part);
    const auto in_model = open_part(fixtures() / "models/sdxl", part);
    const auto in_folder = open_part(fixtures() / "models/sdxl" / part, part);
    const auto alone = open_part(fixtures() / "models/sdxl" / part / "diffusion_pytorch_model.safetensors", part);
    for (const auto* files : {&in_file, &in_model, &in_folder, &alone}) {
      expect_same_tensors(*(*files)->weights(part), *sdxl.weights(part));
      EXPECT_EQ((*files)->config(part).json().at("block_out_channels"),
                sdxl.config(part).json().at("block_out_channels"));
      EXPECT_EQ((*files)->config(part).json().at("down_block_types"), sdxl.config(part).json().at("down_block_types"));
    }
    EXPECT_EQ(in_model->config(part).json(), sdxl.config(part).json());
  }
  EXPECT_EQ(open_part(fixtures() / "single/sdxl.safetensors", "vae")->config("vae").number("scaling_factor", 0),
            0.13025);
  const auto alone = fixtures() / "models/sdxl/vae/diffusion_pytorch_model.safetensors";
  EXPECT_EQ(open_part(alone, "vae")->config("vae").number("scaling_factor", 0), 0.18215);
  EXPECT_EQ(open_part(alone, "vae", {{"scaling_factor", 0.13025}})->config("vae").number("scaling_factor", 0), 0.13025);
  const auto tiny =
      open_part(fixtures() / "models/taesd/diffusion_pytorch_model.safetensors", "vae", {{"scaling_factor", 2}});
  const Json expected = read_json(fixtures() / "models/taesd/config.json");
  const Settings actual = tiny->config("vae");
  for (const auto& [key, value] : actual.json().items()) EXPECT_EQ(value, expected.at(key)) << key;
}

/// The sd1 file with more tensors in it, by their names.
std::filesystem::path marked_file(const ScratchFolder& folder, const std::string& name, const TensorMap& more) {
  TensorMap tensors = open_checkpoint((fixtures() / "single/sd1.safetensors").string())->tensors();
  for (const auto& [key, source] : more) tensors.insert_or_assign(key, source);
  write_safetensors(folder / name, tensors);
  return folder / name;
}

TEST(Prediction, ComesFromTheCallTheYamlOrTheFile) {
  const ScratchFolder folder;
  const auto prediction = [](const std::filesystem::path& path, const std::string& asked = "") {
    return open_single_file(path, {.prediction = asked})->config("scheduler").text("prediction_type", "");
  };
  const auto plain = marked_file(folder, "plain.safetensors", {});
  EXPECT_EQ(prediction(plain), "epsilon");
  EXPECT_EQ(prediction(plain, "v_prediction"), "v_prediction");
  EXPECT_EQ(prediction(plain, "v"), "v_prediction");
  expect_error(ErrorCode::usage, "'x' is not known", [&] { prediction(plain, "x"); });
  folder.write("plain.yaml", "model:\n  params:\n    parameterization: \"v\"\n");
  EXPECT_EQ(prediction(plain), "v_prediction");
  EXPECT_EQ(prediction(plain, "epsilon"), "epsilon");
  folder.write("plain.yaml", "model:\n  params:\n    # parameterization: \"v\"\n");
  EXPECT_EQ(prediction(plain), "epsilon");

  EXPECT_EQ(prediction(marked_file(folder, "a.safetensors", {{"v_pred", values_source({0}, {})}})), "v_prediction");
  const auto zero = marked_file(folder, "b.safetensors", {{"alphas_cumprod", values_source({2}, {0.99f, 0})}});
  const auto scheduler = open_single_file(zero)->config("scheduler");
  EXPECT_EQ(scheduler.text("prediction_type", ""), "v_prediction");
  EXPECT_TRUE(scheduler.flag("rescale_betas_zero_snr", false));
  EXPECT_EQ(scheduler.text("timestep_spacing", ""), "trailing");
  const auto usual = marked_file(folder, "c.safetensors", {{"alphas_cumprod", values_source({2}, {0.99f, 0.0047f})}});
  EXPECT_EQ(prediction(usual), "epsilon");

  // Stable Diffusion 2: v, unless a .yaml without a word on it says otherwise.
  const auto second = folder / "sd2.safetensors";
  std::filesystem::copy_file(fixtures() / "single/sd2.safetensors", second);
  EXPECT_EQ(prediction(second), "v_prediction");
  EXPECT_EQ(open_single_file(second)->config("unet").integer("sample_size", 0, 1, 1000), 96);
  folder.write("sd2.yaml", "model:\n  params:\n    timesteps: 1000\n");
  EXPECT_EQ(prediction(second), "epsilon");
  EXPECT_EQ(open_single_file(second)->config("unet").integer("sample_size", 0, 1, 1000), 64);
}

/// Writes what a folder holds as a single file.
std::filesystem::path written(const ScratchFolder& folder, const ModelFiles& files) {
  write_safetensors(folder / "written.safetensors", ldm_file(files));
  return folder / "written.safetensors";
}

/// The file that `make.py` wrote, and the diffusers library reads, is the one that is written here.
TEST(LdmFile, IsTheOneThatOthersWrite) {
  const ScratchFolder folder;
  for (const std::string name : {"sd1", "sdxl"}) {
    const auto ours = open_checkpoint(written(folder, ModelFolder(fixtures() / "models" / name)).string());
    const auto theirs = open_checkpoint((fixtures() / "single" / (name + ".safetensors")).string());
    expect_same_tensors(*ours, *theirs);
  }
  const auto control = open_part(fixtures() / "models/controlnet-sd1", "controlnet");
  const auto theirs = open_checkpoint((fixtures() / "single/controlnet-sd1.safetensors").string());
  expect_same_tensors(*open_checkpoint(written(folder, *control).string()), *theirs);
}

TEST(LdmFile, ComesBackAsItWas) {
  const ScratchFolder folder;
  for (const std::string name :
       {"sd1", "sd2", "inpaint", "pix2pix", "lcm", "bksdm-small", "bksdm-tiny", "sdxl", "ssd1b", "sdxl-refiner"}) {
    SCOPED_TRACE(name);
    const ModelFolder model(fixtures() / "models" / name);
    const auto path = written(folder, model);
    // All but the numbers of heads, which no shape tells, and the tokenizer.
    const auto plain = open_single_file(path);
    for (const char* key :
         {"in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim", "down_block_types",
          "up_block_types", "use_linear_projection", "projection_class_embeddings_input_dim", "time_cond_proj_dim",
          "transformer_layers_per_block", "reverse_transformer_layers_per_block", "mid_block_type"}) {
      EXPECT_EQ(plain->config("unet").json().value(key, Json()), model.config("unet").json().value(key, Json())) << key;
    }
    EXPECT_EQ(plain->pipeline(), model.pipeline());
    EXPECT_EQ(plain->config("scheduler").text("prediction_type", ""),
              model.config("scheduler").text("prediction_type", "epsilon"));
    EXPECT_EQ(plain->component("scheduler").type, model.component("scheduler").type);
    const auto back = open_single_file(path, {.config = model.path()});
    EXPECT_EQ(back->weighted(), model.weighted());
    for (const auto& part : model.weighted()) {
      if (name == "bksdm-small" && part == "text_encoder") continue;  // its names lack a prefix, which comes back
      expect_same_tensors(*back->weights(part), *model.weights(part));
      EXPECT_EQ(back->weights(part)->tensors().begin()->second->stored(),
                model.weights(part)->tensors().begin()->second->stored());
    }
  }
}

TEST(SingleFileErrors, SayWhatTheFileIs) {
  const ScratchFolder folder;
  const auto one = [&](const char* name) {
    write_safetensors(folder / "x.safetensors", {{name, values_source({1}, {1})}});
    return folder / "x.safetensors";
  };
  const auto refused = [&](const char* name, std::string_view text) {
    expect_error(ErrorCode::unsupported, text, [&] { open_single_file(one(name)); });
  };
  refused("lora_unet_down.lora_up.weight", "but a LoRA; give it with --lora");
  refused("control_model.input_hint_block.0.weight", "a ControlNet; give it with --control");
  refused("model.diffusion_model.joint_blocks.0.x", "another architecture");
  refused("decoder.conv_in.weight", "an autoencoder; give it with --vae");
  refused("input_blocks.0.0.weight", "but a UNet");
  refused("x", "something else");
  refused("model.diffusion_model.input_blocks.0.0.weight", "unet: the blocks of its UNet");
  expect_error(ErrorCode::unsupported, "not a ControlNet but an autoencoder",
               [&] { open_part(one("decoder.x"), "controlnet"); });
  expect_error(ErrorCode::unsupported, "not an autoencoder but a LoRA", [&] { open_part(one("a.lora_up.b"), "vae"); });
  expect_error(ErrorCode::not_found, "no such file", [&] { open_single_file(folder / "none.safetensors"); });
  const auto file = open_single_file(fixtures() / "single/sd1.safetensors");
  expect_error(ErrorCode::bad_model, "no text_encoder_2", [&] { file->config("text_encoder_2"); });
  expect_error(ErrorCode::bad_model, "no safety_checker", [&] { file->weights("safety_checker"); });
}

}  // namespace
}  // namespace sumi
