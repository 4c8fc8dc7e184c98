#include <cmath>

#include <gtest/gtest.h>

#include "backend/ref/host.h"
#include "pipelines/session.h"
#include "pipelines/text_to_image.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

const Model& model() {
  static const auto loaded = load_model((fixtures() / "models/sd1").string());
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

TEST(Settle, EverySamplerGoesWithEveryModelOrSaysWhyNot) {
  for (const char* name : {"sd1", "sd2", "lcm", "bksdm-tiny"}) {
    const auto each = load_model((fixtures() / "models" / name).string());
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
      pixels = text_to_image(ctx, model(), job);
      EXPECT_EQ(ctx.arena.used(), 0u);
    };
    session.run(session.plan(body), body);
    return pixels.values;
  };
  const auto both = make(8, 2), first = make(8, 1), second = make(9, 1);
  ASSERT_EQ(both.size(), first.size() * 2);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), both.begin()));
  EXPECT_TRUE(std::equal(second.begin(), second.end(), both.begin() + static_cast<std::ptrdiff_t>(first.size())));
}

}  // namespace
}  // namespace sumi::test
