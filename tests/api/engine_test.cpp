#include <gtest/gtest.h>

#include "api/engines.h"
#include "core/isa.h"
#include "core/process.h"

namespace sumi::test {
namespace {

const Request kRequest{.prompt = "a red apple, 3d", .steps = 3, .seed = 7};

bool denoises(const Progress& progress) { return progress.phase == Progress::Phase::denoise; }

std::vector<std::uint8_t> made(Engine& engine, const OnProgress& progress = {}) {
  return engine.generate(kRequest, {.progress = progress}).pictures.front().image.rgb;
}

class EmojiEngine : public testing::Test {
 protected:
  Engine engine_{options_of("emoji")};
  std::vector<std::uint8_t> plain_ = made(engine_);
};

TEST_F(EmojiEngine, TellsOfEachStepOnce) {
  std::vector<int> steps;
  std::vector<double> timesteps;
  made(engine_, [&](const Progress& progress) {
    EXPECT_EQ(static_cast<bool>(progress.latents), denoises(progress));
    EXPECT_EQ(static_cast<bool>(progress.replace), denoises(progress));
    if (!denoises(progress)) return;
    steps.push_back(progress.step);
    timesteps.push_back(progress.timestep);
  });
  EXPECT_EQ(steps, (std::vector{0, 1, 2, 3}));
  EXPECT_EQ(timesteps[0], 0);
  EXPECT_GT(timesteps[1], timesteps[2]);
  EXPECT_GT(timesteps[2], timesteps[3]);
}

TEST_F(EmojiEngine, TheSameLatentsChangeNothing) {
  EXPECT_EQ(made(engine_,
                 [](const Progress& progress) {
                   if (denoises(progress)) progress.replace(progress.latents());
                 }),
            plain_);
}

TEST_F(EmojiEngine, OtherLatentsChangeThePicture) {
  for (const int step : {0, 1, 3}) {
    const auto changed = made(engine_, [&](const Progress& progress) {
      if (!denoises(progress) || progress.step != step) return;
      Latents latents = progress.latents();
      for (float& value : latents.values()) value = -value;
      progress.replace(latents);
      EXPECT_EQ(values_of(progress.latents()), values_of(latents));
    });
    EXPECT_NE(changed, plain_) << "replaced after step " << step;
  }
}

TEST_F(EmojiEngine, LatentsOfAnotherShapeAreRefused) {
  const auto replace = [](const Progress& progress) {
    if (denoises(progress)) progress.replace(Latents({1, 1, 1, 4}));
  };
  EXPECT_THROW(made(engine_, replace), Error);
  EXPECT_EQ(made(engine_), plain_);
}

TEST_F(EmojiEngine, AnExceptionOfTheCallbackEndsTheRun) {
  int calls = 0;
  const auto give_up = [&](const Progress& progress) {
    if (!denoises(progress)) return;
    ++calls;
    if (progress.step == 2) throw std::runtime_error("enough");
  };
  EXPECT_THROW(made(engine_, give_up), std::runtime_error);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(made(engine_), plain_);
}

TEST_F(EmojiEngine, ThePreviewAfterTheLastStepIsThePicture) {
  Image last;
  const auto look = [&](const Progress& progress) {
    if (!denoises(progress)) return;
    EXPECT_EQ(static_cast<bool>(progress.preview), progress.step > 0);
    if (progress.preview) last = progress.preview();
  };
  // Its last step leads to no noise at all: to the estimate.
  Request request = kRequest;
  request.sampling.sampler = "euler";
  const Result result = engine_.generate(request, {.progress = look, .previews = true});
  EXPECT_EQ(last.width, result.pictures.front().image.width);
  int most = 0;
  for (std::size_t i = 0; i < last.rgb.size(); ++i) {
    most = std::max(most, std::abs(last.rgb[i] - result.pictures.front().image.rgb[i]));
  }
  EXPECT_LE(most, 1);
}

TEST(EngineMemory, ReleaseGivesAllBack) {
  Engine engine(options_of("emoji"));
  const auto first = made(engine);
  engine.release();
  const std::size_t before = anonymous_bytes();
  ASSERT_GT(before, 0u);
  for (int run = 0; run < 2; ++run) {
    EXPECT_EQ(made(engine), first);
    EXPECT_GT(anonymous_bytes(), before + (std::size_t{20} << 20)) << "weights and activations are held";
    engine.release();
#if !defined(__SANITIZE_ADDRESS__)  // which keeps for a while what was freed
    EXPECT_LT(anonymous_bytes(), before + (std::size_t{4} << 20)) << "after run " << run;
#endif
  }
}

class EngineAdapters : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Types, EngineAdapters, testing::Values("f32", "bf16", "int8"),
                         [](const auto& type) { return type.param; });

// What is kept between pictures (factors, packed forms, plans) leaves no trace in the next one.
TEST_P(EngineAdapters, OtherStrengthsBetweenPicturesAreThoseOfAFreshEngine) {
  EngineOptions options = options_of("sd1");
  options.dtype = GetParam();
  if (options.dtype == "int8" && processor_isa() == Isa::portable)
    GTEST_SKIP() << "there is no int8 without AVX2 or NEON";
  const auto file = [](const char* name) { return fixtures() / "loras" / (std::string(name) + ".safetensors"); };
  const Lora first{.file = file("lora-kohya")}, second{.file = file("lora-peft")};
  const auto at = [](Lora lora, double weight, std::optional<double> text = {}) {
    lora.weight = weight;
    lora.text_weight = text;
    return lora;
  };
  const std::vector<std::vector<Lora>> turns{{at(first, 1)},
                                             {at(first, .5, 1)},
                                             {at(first, 0), at(second, 2)},
                                             {at(second, 2)},
                                             {},
                                             {at(second, -1), at(first, 1)}};
  for (const LoraMode mode : {LoraMode::apply, LoraMode::merge}) {
    Request request{.prompt = "a cube", .steps = 2, .seed = 5, .lora_mode = mode};
    const auto picture = [&](Engine& engine) { return engine.generate(request).pictures.front().image.rgb; };
    Engine engine(options);
    std::vector<std::vector<std::uint8_t>> all;
    for (const auto& turn : turns) {
      request.loras = turn;
      Engine fresh(options);
      all.push_back(picture(engine));
      EXPECT_EQ(all.back(), picture(fresh)) << "turn " << all.size();
    }
    EXPECT_EQ(all[2], all[3]) << "a strength of 0 is no adapter";
    EXPECT_NE(all[0], all[1]);
    EXPECT_NE(all[3], all[4]);
  }
}

}  // namespace
}  // namespace sumi::test
