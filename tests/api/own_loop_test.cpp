#include <gtest/gtest.h>

#include "api/engines.h"
#include "sumi/parts.h"

namespace sumi::test {
namespace {

/// The latents that each step leaves, and the pictures.
struct Way {
  std::vector<std::vector<float>> latents;
  std::vector<std::vector<std::uint8_t>> pictures;
};

Way way_of(Engine& engine, const Request& request) {
  Way way;
  const auto tell = [&](const Progress& progress) {
    if (progress.phase == Progress::Phase::denoise) way.latents.push_back(values_of(progress.latents()));
  };
  for (const Picture& picture : engine.generate(request, {.progress = tell}).pictures) {
    way.pictures.push_back(picture.image.rgb);
  }
  return way;
}

bool guides(const parts::Model& model, const Request& request) {
  return request.guidance.value_or(model.default_guidance()) > 1;
}

parts::Conditioning told(const parts::Model& model, const Request& request) {
  const std::vector<std::string> prompts(static_cast<std::size_t>(request.batch), request.prompt);
  return parts::TextEncoder(model).encode(prompts, {.guided = guides(model, request),
                                                    .negative = request.negative,
                                                    .prompt_2 = request.prompt_2,
                                                    .negative_2 = request.negative_2,
                                                    .clip_skip = request.clip_skip,
                                                    .width = request.width.value_or(0),
                                                    .height = request.height.value_or(0),
                                                    .micro = request.micro});
}

parts::Noise noise_of(const parts::Model& model, const Request& request) {
  std::vector<std::uint64_t> seeds;
  for (int i = 0; i < request.batch; ++i) seeds.push_back(*request.seed + static_cast<std::uint64_t>(i));
  const LatentShape shape = model.latent_shape(request.width.value_or(0), request.height.value_or(0), request.batch);
  return {shape, seeds, request.rng, request.variation};
}

/// What the engine makes of such a request, in a loop of one's own.
Way own_way(parts::Model& model, const Request& request) {
  model.set_adapters(request.loras);
  parts::Noise noise = noise_of(model, request);
  const auto strength = request.start ? std::optional(request.start->strength) : std::nullopt;
  parts::Scheduler scheduler(model, request.steps.value_or(model.default_steps()), request.sampling, strength);
  const parts::Autoencoder autoencoder(model);
  const bool guided = guides(model, request);
  parts::UNet unet(model, told(model, request),
                   {.deepcache = request.shortcuts.deepcache,
                    .tome = request.shortcuts.tome,
                    .controls = request.controls,
                    .guess_mode = request.guess_mode});
  Latents latents;
  if (request.start) {
    const Latents clean = autoencoder.encode(request.start->picture, noise);
    latents = scheduler.add_noise(0, clean, noise.draw_first());
  } else {
    latents = scheduler.begin(noise.draw_first());
  }
  Way way{.latents = {values_of(latents)}};
  for (int i = 0; i < scheduler.size(); ++i) {
    Latents prediction = unet.predict(scheduler.scale_input(i, latents), scheduler.timestep(i));
    if (guided) {
      prediction =
          guide(model, prediction, request.guidance.value_or(model.default_guidance()), request.guidance_rescale);
    }
    latents = scheduler.step(i, prediction, latents, noise);
    way.latents.push_back(values_of(latents));
  }
  for (const Image& picture : autoencoder.decode(latents)) way.pictures.push_back(picture.rgb);
  return way;
}

void expect_same(const Way& own, const Way& engine) {
  ASSERT_EQ(own.latents.size(), engine.latents.size());
  for (std::size_t i = 0; i < own.latents.size(); ++i)
    EXPECT_EQ(own.latents[i], engine.latents[i]) << "after step " << i;
  EXPECT_EQ(own.pictures, engine.pictures);
}

struct Case {
  std::string name, model;
  Request request;
};

std::string lora(const std::string& name) { return (fixtures() / "loras" / (name + ".safetensors")).string(); }

std::vector<Case> cases() {
  const std::string net = (fixtures() / "models/controlnet-sd1").string();
  const Start start{.picture = gradient(64, 64), .strength = .7};
  return {
      {"Emoji", "emoji", {.prompt = "a red apple, 3d", .steps = 4, .seed = 7}},
      {"EmojiFromAPicture", "emoji", {.prompt = "cat face", .negative = "dog", .steps = 5, .seed = 3, .start = start}},
      {"ABatchOfAncestralSteps",
       "sd1",
       {.prompt = "a (red:1.3) cube",
        .steps = 4,
        .guidance = 5,
        .guidance_rescale = .7,
        .width = 64,
        .height = 48,
        .seed = 5,
        .batch = 2,
        .sampling = {.sampler = "euler-a"}}},
      {"DrawsOfPhiloxOnTheHostAndWhereTheLatentsAre",
       "sd1",
       {.prompt = "a cube",
        .steps = 4,
        .seed = 5,
        .rng = Rng::philox,
        .batch = 2,
        .sampling = {.sampler = "euler-a"},
        .start = start}},
      {"TwoCallsAStep", "sd1", {.prompt = "a cube", .steps = 3, .seed = 5, .sampling = {.sampler = "heun"}}},
      {"StepsThatRemember",
       "sd1",
       {.prompt = "a cube", .steps = 5, .seed = 5, .clip_skip = 1, .sampling = {.sampler = "dpmpp-2m"}}},
      {"WithoutGuidance", "sd2", {.prompt = "a cube", .steps = 3, .guidance = 1, .seed = 5}},
      {"AVariation",
       "sd1",
       {.prompt = "a cube",
        .steps = 2,
        .seed = 5,
        .rng = Rng::philox,
        .variation = Variation{.seed = 9, .strength = .3}}},
      {"SdxlWithTwoPrompts",
       "sdxl",
       {.prompt = "a cube",
        .steps = 3,
        .width = 64,
        .height = 96,
        .seed = 5,
        .prompt_2 = "a photograph",
        .micro = {.original = std::pair(32, 48), .crop_x = 4}}},
      {"SdxlFromAPicture", "sdxl", {.prompt = "a cube", .negative = "round", .steps = 4, .seed = 5, .start = start}},
      {"ALora",
       "sd1",
       {.prompt = "a cube", .steps = 2, .seed = 5, .loras = {{.file = lora("lora-kohya"), .weight = .8}}}},
      {"DeepCache", "sd1", {.prompt = "a cube", .steps = 7, .seed = 5, .shortcuts = {.deepcache = "3:1"}}},
      {"TokenMerging", "sd1", {.prompt = "a cube", .steps = 3, .seed = 5, .shortcuts = {.tome = Tome{}}}},
      {"AControlNet",
       "sd1",
       {.prompt = "a cube",
        .steps = 2,
        .seed = 5,
        .controls = {{.model = net, .picture = gradient(64, 64), .weight = .6}},
        .guess_mode = true}},
  };
}

class OwnLoop : public testing::TestWithParam<Case> {};

TEST_P(OwnLoop, GivesTheEnginesLatentsAndPictures) {
  const Case& c = GetParam();
  Request request = c.request;
  if (request.start) {
    request.width = request.start->picture.width;
    request.height = request.start->picture.height;
  }
  Engine engine(options_of(c.model));
  parts::Model model(options_of(c.model));
  expect_same(own_way(model, request), way_of(engine, request));
}

INSTANTIATE_TEST_SUITE_P(Api, OwnLoop, testing::ValuesIn(cases()), [](const auto& one) { return one.param.name; });

TEST(OwnLoops, OnOneModelOneAfterTheOther) {
  parts::Model model(options_of("sd1"));
  Engine engine(options_of("sd1"));
  const Request plain{.prompt = "a cube", .steps = 2, .seed = 5};
  Request adapted = plain;
  adapted.loras = {{.file = lora("lora-peft")}};
  const Way before = way_of(engine, plain);
  expect_same(own_way(model, plain), before);
  const Way changed = own_way(model, adapted);
  EXPECT_NE(changed.latents.back(), before.latents.back());
  expect_same(changed, way_of(engine, adapted));
  expect_same(own_way(model, plain), before);
}

TEST(OwnLoops, ChangeAPicture) {
  parts::Model model(options_of("pix2pix"));
  Engine engine(options_of("pix2pix"));
  const Request request{.prompt = "a cube",
                        .negative = "round",
                        .steps = 3,
                        .guidance = 5,
                        .width = 64,
                        .height = 64,
                        .seed = 5,
                        .start = Start{.picture = gradient(64, 64)},
                        .image_guidance = 1.7};
  parts::Noise noise = noise_of(model, request);
  parts::UNet unet(model, parts::TextEncoder(model).encode({"a cube", "round", "round"}, {.guided = false}));
  const parts::Autoencoder autoencoder(model);
  const Latents seen = autoencoder.encode_mean(request.start->picture, noise.shape());
  LatentShape rows = seen.shape();
  rows.batch = 3;
  Latents extra(rows);
  for (const std::size_t part : {0, 1}) {
    std::copy(seen.values().begin(), seen.values().end(), extra.values().subspan(part * seen.values().size()).begin());
  }
  parts::Scheduler scheduler(model, 3, request.sampling);
  Latents latents = scheduler.begin(noise.draw_first());
  Way way{.latents = {values_of(latents)}};
  for (int i = 0; i < scheduler.size(); ++i) {
    const Latents prediction = unet.predict(scheduler.scale_input(i, latents), scheduler.timestep(i), {.extra = extra});
    latents = scheduler.step(i, guide_change(model, prediction, 5, 1.7), latents, noise);
    way.latents.push_back(values_of(latents));
  }
  for (const Image& picture : autoencoder.decode(latents)) way.pictures.push_back(picture.rgb);
  expect_same(way, way_of(engine, request));
}

TEST(OwnLoops, InBfloat16) {
  EngineOptions options = options_of("sdxl");
  options.dtype = "bf16";
  Engine engine(options);
  parts::Model model(options);
  const Request request{.prompt = "a cube", .steps = 2, .seed = 5};
  expect_same(own_way(model, request), way_of(engine, request));
}

}  // namespace
}  // namespace sumi::test
