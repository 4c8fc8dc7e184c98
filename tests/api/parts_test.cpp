#include "sumi/parts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/engines.h"

namespace sumi::test {
namespace {

using namespace parts;

template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage) << error.what();
    return error.what();
  }
  return "accepted";
}

TEST(Latents, AreCheckedAndChannelsLast) {
  const LatentShape shape{.batch = 2, .height = 1, .width = 2, .channels = 3};
  Latents latents(shape, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  EXPECT_EQ(latents.at(1, 0, 1, 2), 11);
  EXPECT_EQ(latents.at(0, 0, 1, 0), 3);
  latents.at(1, 0, 0, 0) = -1;
  EXPECT_EQ(values_of(latents.pictures(1, 2)), (std::vector<float>{-1, 7, 8, 9, 10, 11}));
  EXPECT_EQ(refusal([&] { latents.at(0, 1, 0, 0); }), "latents 2x1x2x3: there is no (0, 1, 0, 0)");
  EXPECT_EQ(refusal([&] { latents.pictures(1, 3); }), "latents 2x1x2x3: there are no pictures 1 to 3");
  EXPECT_EQ(refusal([&] { Latents(shape, {1}); }), "latents 2x1x2x3: 1 values given");
  EXPECT_EQ(refusal([&] { Latents({.height = -1}); }), "latents 1x-1x0x0: no such shape");
  const std::int64_t much = std::int64_t{1} << 39;
  EXPECT_EQ(refusal([&] { Latents({.batch = much, .height = much, .width = 1, .channels = 1}); }),
            fmt::format("latents {}x{}x1x1: no such shape", much, much));
}

class Sd1Parts : public testing::Test {
 protected:
  Model model_{options_of("sd1")};
  LatentShape shape_ = model_.latent_shape(64, 64);
  Noise noise_{shape_, {5}};
  Conditioning told_ = TextEncoder(model_).encode({"a cube"});
};

TEST_F(Sd1Parts, SayTheirShapes) {
  EXPECT_EQ(shape_, (LatentShape{1, 64 / model_.reduction(), 64 / model_.reduction(), 4}));
  EXPECT_EQ(told_.rows, 2);
  EXPECT_EQ(told_.tokens, 77);
  EXPECT_EQ(model_.extra_channels(), 0);
  EXPECT_EQ(noise_.draw().shape(), shape_);
  const Image picture = Autoencoder(model_).decode(noise_.draw()).front();
  EXPECT_EQ(picture.width, 64);
  EXPECT_EQ(picture.height, 64);
}

TEST_F(Sd1Parts, RefuseWhatDoesNotFit) {
  UNet unet(model_, told_);
  const Latents latents(shape_);
  EXPECT_EQ(refusal([&] { model_.latent_shape(60, 64); }),
            "width 60: not divisible by 8; the nearest sizes are 56 and 64");
  EXPECT_EQ(refusal([&] { unet.predict(Latents({3, 8, 8, 4}), 500); }), "latents 3x8x8x4 for 2 rows of a conditioning");
  EXPECT_EQ(refusal([&] { unet.predict(Latents({1, 8, 8, 3}), 500); }), "latents 1x8x8x3: expected 4 channels");
  EXPECT_EQ(refusal([&] { unet.predict(latents, 500, {.control_weights = {1}}); }), "1 weights for 0 ControlNets");
  Conditioning other = told_;
  other.embeddings.pop_back();
  EXPECT_TRUE(refusal([&] { UNet(model_, other); }).starts_with("conditioning: "));
  EXPECT_TRUE(refusal([&] { UNet(model_, told_, {.deepcache = "x"}); }) != "accepted");
  EXPECT_EQ(refusal([&] { TextEncoder(model_).encode({}); }), "no prompts to encode");
  EXPECT_EQ(refusal([&] { TextEncoder(model_).encode({"a"}, {.clip_skip = 5}); }), "clip skip 5: expected 0 to 4");
  EXPECT_EQ(refusal([&] { guide(model_, latents, 7); }),
            "guidance of 1x8x8x4: expected predictions of negative prompts and as many of prompts");
  EXPECT_EQ(refusal([&] { guide_change(model_, latents, 7, 1); }),
            "guidance of 1x8x8x4: expected predictions for prompts, for negative prompts, and without the picture");
  EXPECT_EQ(refusal([&] { Autoencoder(model_).encode({}, noise_); }), "a picture of 0 x 0 pixels: nothing to encode");
  EXPECT_EQ(refusal([&] { Autoencoder(model_).encode_mean({}, shape_); }),
            "a picture of 0 x 0 pixels: nothing to encode");
  EXPECT_EQ(refusal([&] { Autoencoder(model_).decode({}); }), "latents 0x0x0x0: this model has 4 channels");
  EXPECT_EQ(refusal([&] { Noise(shape_, {1, 2}); }), "noise for 1 pictures: 2 seeds given");
}

TEST_F(Sd1Parts, StepsGoInOrder) {
  Scheduler scheduler(model_, 4, {.sampler = "dpmpp-2m"});
  const Latents latents = noise_.draw(), prediction = noise_.draw();
  EXPECT_EQ(scheduler.size(), 4);
  EXPECT_EQ(refusal([&] { scheduler.step(1, prediction, latents, noise_); }),
            "step 1 of latents 1x8x8x4: steps go in order, from 0 on, on latents of one shape");
  EXPECT_EQ(refusal([&] { scheduler.timestep(4); }), "step 4: there are 0 to 3");
  const auto two = [&] {
    const Latents first = scheduler.step(0, prediction, latents, noise_);
    return values_of(scheduler.step(1, prediction, first, noise_));
  };
  const std::vector<float> once = two();
  EXPECT_EQ(refusal([&] { scheduler.step(1, prediction, latents, noise_); }).substr(0, 6), "step 1");
  EXPECT_EQ(two(), once) << "a new run remembers nothing of the last";
  EXPECT_EQ(refusal([&] { Scheduler(model_, 0); }), "steps 0: expected 1 to 1000");
  EXPECT_EQ(refusal([&] { Scheduler(model_, 4, {}, 2.0); }), "strength 2: expected 0 to 1");
}

TEST_F(Sd1Parts, TheEstimateOfPureNoiseUndoesTheNoise) {
  const Scheduler scheduler(model_, 10, {}, .5);
  const Latents clean = noise_.draw(), noise = noise_.draw();
  const Latents noisy = scheduler.add_noise(0, clean, noise);
  EXPECT_LT(largest_difference(values_of(scheduler.estimate(0, noise, noisy)), values_of(clean)), 1e-4);
  EXPECT_EQ(values_of(scheduler.add_noise(scheduler.size(), clean, noise)), values_of(clean));
}

TEST_F(Sd1Parts, AnotherSizeIsPlannedAnew) {
  UNet unet(model_, told_);
  const Latents small = Noise(model_.latent_shape(32, 32), {5}).draw(), large = noise_.draw();
  const auto first = values_of(unet.predict(small, 500));
  unet.predict(large, 500);
  EXPECT_EQ(values_of(unet.predict(small, 500)), first);
}

TEST_F(Sd1Parts, RowsAreWhatTheyAreAlone) {
  UNet both(model_, told_);
  const Conditioning alone = TextEncoder(model_).encode({"a cube"}, {.guided = false});
  UNet prompt(model_, alone);
  const Latents latents = noise_.draw();
  const Latents rows = both.predict(latents, 500);
  EXPECT_EQ(rows.shape().batch, 2);
  EXPECT_LT(largest_difference(values_of(rows.pictures(1, 2)), values_of(prompt.predict(latents, 500))), 1e-4);
}

// Rows of zeros are left out of attention to the prompt. Rows of hardly more are not, and must come out the same.
TEST(Parts, AConditionOfZerosIsOneOfHardlyMore) {
  Model model(options_of("sdxl"));
  const Conditioning zeros = TextEncoder(model).encode({"a cube"});
  Conditioning hardly = zeros;
  ASSERT_EQ(hardly.embeddings.front(), 0);
  hardly.embeddings.front() = 1e-30f;
  const Latents latents = Noise(model.latent_shape(64, 64), {5}).draw();
  const Control control{.model = (fixtures() / "models/controlnet-sdxl").string(), .picture = gradient(64, 64)};
  const std::vector<UNetOptions> ways{{},
                                      {.deepcache = "2"},
                                      {.tome = Tome{.cross_attention = true, .feed_forward = true}},
                                      {.controls = {control}},
                                      {.controls = {control}, .guess_mode = true}};
  for (const bool adapted : {false, true}) {
    if (adapted) {
      model.set_adapters({{.file = (fixtures() / "loras/lora-sdxl.safetensors").string()}}, LoraMode::apply);
    }
    for (const UNetOptions& options : ways) {
      const auto predicted = [&](const Conditioning& told) {
        return values_of(UNet(model, told, options).predict(latents, 500));
      };
      EXPECT_LT(largest_difference(predicted(zeros), predicted(hardly)), 1e-5);
    }
  }
}

TEST(Parts, ExtraChannelsAreForModelsThatTakeThem) {
  const Model model(options_of("inpaint"));
  EXPECT_EQ(model.extra_channels(), 5);
  LatentShape shape = model.latent_shape(64, 64);
  const Latents latents(shape);
  shape.channels = 5;
  UNet unet(model, TextEncoder(model).encode({"a cube"}));
  EXPECT_EQ(refusal([&] { unet.predict(latents, 500); }), "latents 0x0x0x0: expected 5 channels");
  const auto empty = values_of(unet.predict(latents, 500, {.extra = Latents(shape)}));
  const std::vector<float> ones(static_cast<std::size_t>(shape.values()), 1.0f);
  EXPECT_NE(values_of(unet.predict(latents, 500, {.extra = {shape, ones}})), empty);
}

}  // namespace
}  // namespace sumi::test
