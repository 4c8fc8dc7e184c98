#include <cmath>

#include <gtest/gtest.h>

#include "backend/ref/host.h"
#include "pipelines/denoise.h"
#include "pipelines/session.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

const Model& model() {
  static const auto loaded = load_model({.name = (fixtures() / "models/sd1").string()});
  return *loaded;
}

std::string refusal(const Request& request) {
  try {
    settle(model(), request);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage) << error.what();
    return error.what();
  }
  return "accepted";
}

TEST(Settle, NamesWhatMakesNoSense) {
  EXPECT_EQ(refusal({.steps = 0}), "steps 0: expected 1 to 1000");
  EXPECT_EQ(refusal({.guidance = NAN}), "guidance nan: expected 0 to 100");
  EXPECT_EQ(refusal({.guidance_rescale = 1.5}), "guidance rescale 1.5: expected 0 to 1");
  EXPECT_EQ(refusal({.width = 100}), "width 100: not divisible by 8; the nearest sizes are 96 and 104");
  EXPECT_EQ(refusal({.height = 1 << 20}), "height 1048576: expected 8 to 16384");
  EXPECT_EQ(refusal({.batch = 0}), "batch 0: expected 1 to 256");
  EXPECT_EQ(refusal({.clip_skip = 5}), "clip skip 5: expected 0 to 4");
  EXPECT_EQ(refusal({.sampling = {.eta = -1}}), "eta -1: expected 0 to 1");
  EXPECT_TRUE(refusal({.sampling = {.sampler = "eular"}})
                  .starts_with("sampler 'eular' is not known; did you mean euler?; there are "));
}

TEST(Settle, TakesTheModelsDefaults) {
  const Job job = settle(model(), {.seed = 5, .batch = 3});
  EXPECT_EQ(job.width, 64);
  EXPECT_EQ(job.guidance, 7.5);
  EXPECT_EQ(job.scheduler.sampler, "pndm");
  EXPECT_EQ(job.schedule.steps.size(), 51u);
  EXPECT_EQ(job.seeds, (std::vector<std::uint64_t>{5, 6, 7}));
}

// What the pipelines of the reference take, and for distilled models what their authors say: few steps, and no guidance
// beside the one that is in them.
TEST(Settle, DefaultsAreThoseOfTheFamily) {
  struct Case {
    const char *name, *sampler;
    int steps;
    double guidance;
  };
  for (const Case& each :
       {Case{"sd15", "", 50, 7.5}, Case{"sd21", "", 50, 7.5}, Case{"sdxl", "", 50, 5}, Case{"sd-turbo", "", 4, 1},
        Case{"sdxl-turbo", "", 4, 1}, Case{"lcm", "", 4, 8.5}, Case{"sd-turbo", "ddim", 4, 1},
        // With LCM-LoRA or TCD's.
        Case{"sd15", "lcm", 4, 1}, Case{"sd15", "TCDScheduler", 4, 1}, Case{"sdxl", "lcm", 4, 1}}) {
    const auto preset = load_model({.name = std::string("synthetic:") + each.name});
    const Job job = settle(*preset, {.sampling = {.sampler = each.sampler}});
    EXPECT_EQ(job.steps, each.steps) << each.name << " " << each.sampler;
    EXPECT_EQ(job.guidance, each.guidance) << each.name << " " << each.sampler;
    const Job asked = settle(*preset, {.steps = 7, .guidance = 3.0, .sampling = {.sampler = each.sampler}});
    EXPECT_EQ(asked.steps, 7) << each.name;
    EXPECT_EQ(asked.guidance, 3) << each.name;
  }
}

Image grey(int width, int height) {
  return {.width = width,
          .height = height,
          .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), 128)};
}

Start half_way(int width, int height) { return {.picture = grey(width, height), .strength = .5}; }

TEST(Settle, APictureSetsTheSizeAndTheStepsThatRun) {
  const Job job = settle(model(), {.steps = 10, .sampling = {.sampler = "euler"}, .start = half_way(77, 50)});
  EXPECT_EQ(job.width, 72);
  EXPECT_EQ(job.height, 48);
  EXPECT_EQ(job.picture->width, 72);
  EXPECT_EQ(job.schedule.steps.size(), 5u);
  EXPECT_FALSE(job.from_noise);
  const Job whole = settle(model(), {.steps = 10, .sampling = {.sampler = "euler"}});
  EXPECT_EQ(job.schedule.steps.front().timestep, whole.schedule.steps[5].timestep);
}

TEST(Settle, TwoModelsShareTheStepsWithoutGapOrOverlap) {
  for (const std::string& sampler : sampler_names()) {
    if (sampler == "pndm") continue;  // its start is made anew wherever it begins
    const auto steps = [&](double from, double to) {
      std::vector<double> timesteps;
      for (const Step& step :
           settle(model(), {.steps = 10, .sampling = {.sampler = sampler, .from = from, .to = to}}).schedule.steps) {
        timesteps.push_back(step.timestep);
      }
      return timesteps;
    };
    std::vector<double> both = steps(0, .7);
    for (const double timestep : steps(.7, 1)) both.push_back(timestep);
    EXPECT_EQ(both, steps(0, 1)) << sampler;
  }
}

TEST(Settle, RefusesPicturesThatTheModelHasNoUseForOrLacks) {
  EXPECT_EQ(refusal({.mask = Mask{.picture = grey(64, 64)}}), "a mask needs the picture that it is a part of (--init)");
  EXPECT_EQ(refusal({.start = Start{.picture = grey(64, 64), .strength = 1.5}}), "strength 1.5: expected 0 to 1");
  EXPECT_EQ(refusal({.steps = 10, .start = Start{.picture = grey(64, 64), .strength = .05}}),
            "strength 0.05: none of 10 steps runs; take more of either");
  EXPECT_EQ(refusal({.sampling = {.from = .5, .to = .5}}), "steps from 0.5 to 0.5: nothing lies between");
  EXPECT_EQ(refusal({.prompts = {"one"}, .batch = 2}), "1 prompts for a batch of 2");
  EXPECT_EQ(refusal({.variation = Variation{.strength = 2}}), "variation strength 2: expected 0 to 1");
  const auto changes = load_model({.name = (fixtures() / "models/pix2pix").string()});
  const auto paints = load_model({.name = (fixtures() / "models/inpaint").string()});
  EXPECT_THROW(settle(*changes, {}), Error);
  EXPECT_THROW(settle(*paints, {.start = half_way(64, 64)}), Error);
  EXPECT_THROW(settle(*changes, {.start = half_way(64, 64), .mask = Mask{.picture = grey(64, 64)}}), Error);
}

TEST(Settle, EverySamplerGoesWithEveryModelOrSaysWhyNot) {
  for (const char* name : {"sd1", "sd2", "lcm", "bksdm-tiny"}) {
    const auto each = load_model({.name = (fixtures() / "models" / name).string()});
    for (const std::string& sampler : sampler_names()) {
      const Job job = settle(*each, {.steps = 8, .sampling = {.sampler = sampler}});
      EXPECT_GE(job.schedule.steps.size(), 8u) << name << " " << sampler;
      for (const Step& step : job.schedule.steps) {
        for (const Combination& update : step.updates) {
          for (const auto& term : update.terms) EXPECT_TRUE(std::isfinite(term.coefficient)) << name << " " << sampler;
        }
      }
    }
  }
}

// Picture i of a batch is the one that seed + i gives alone, and a plan's arena is exactly what the run uses.
TEST(TextToImage, BatchesAreTheirPicturesAlone) {
  const auto backend = make_ref_backend();
  Session session(*backend, DType::f32);
  const auto make = [&](std::uint64_t seed, int batch) {
    const Job job = settle(
        model(), {.prompt = "cat", .steps = 2, .seed = seed, .batch = batch, .sampling = {.sampler = "euler-a"}});
    Pixels pixels;
    const auto body = [&](Context& ctx) {
      pixels = make_pictures(ctx, model(), job);
      EXPECT_EQ(ctx.arena.used(), 0u);
    };
    session.run(body);
    return pixels.values;
  };
  const auto both = make(8, 2), first = make(8, 1), second = make(9, 1);
  ASSERT_EQ(both.size(), first.size() * 2);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), both.begin()));
  EXPECT_TRUE(std::equal(second.begin(), second.end(), both.begin() + static_cast<std::ptrdiff_t>(first.size())));
}

}  // namespace
}  // namespace sumi::test
