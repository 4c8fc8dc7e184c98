// A limit of a GPU's memory, on the emulated one: the same pictures within it, and the truth about it; adapters too.

#include <gtest/gtest.h>

#include "api/engines.h"
#include "emulator/control.h"
#include "sumi/parts.h"
#include "support/gpu.h"
#include "support/limit.h"

namespace sumi::test {
namespace {

EngineOptions on_gpu(const std::string& model, std::size_t memory) {
  EngineOptions options = options_of(model);
  options.device = "cuda";
  options.device_memory = memory;
  return options;
}

class CudaLimit : public testing::Test {
 protected:
  // Also what has the linker take this backend before the one that the api names.
  void SetUp() override {
    ASSERT_TRUE(has_gpu());
    ASSERT_EQ(make_cuda_backend()->name(), "cuda");
  }
  void TearDown() override { keep_within(std::size_t{8} << 30); }
  static void keep_within(std::size_t limit) { cuda_on_host::set_memory_limit(limit); }

  static std::size_t least_limit(const Request& request) {
    try {
      Engine(on_gpu("sd1", 1)).generate(request);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::out_of_memory) << error.what();
      return least_limit_in(error.what());
    }
    ADD_FAILURE();
    return 0;
  }
};

// With noise that the device draws, at the beginning and in steps.
const Request small{.prompt = "a cube",
                    .steps = 3,
                    .guidance = 5,
                    .width = 32,
                    .height = 32,
                    .seed = 5,
                    .rng = Rng::philox,
                    .sampling = {.sampler = "euler-a"}};

Request larger() {
  Request request = small;
  request.width = 64;
  return request;
}

std::vector<std::uint8_t> pixels(Engine& engine, const Request& request, Report* report = nullptr) {
  Result result = engine.generate(request);
  if (report) *report = result.report;
  return result.pictures.front().image.rgb;
}

TEST_F(CudaLimit, PicturesAreTheSameAndTheReportTellsWhereWeightsAre) {
  Report report;
  std::vector<std::uint8_t> expected, expected_larger;
  {
    Engine whole(on_gpu("sd1", 0));
    expected = pixels(whole, small, &report);
    expected_larger = pixels(whole, larger());
  }
  EXPECT_EQ(report.offloaded_bytes, 0u);
  const std::size_t weights = report.weight_bytes, least = least_limit(larger());
  ASSERT_LT(least, weights);
  for (const std::size_t limit : {least, least + weights / 2}) {
    keep_within(limit);
    Engine engine(on_gpu("sd1", limit));
    EXPECT_EQ(pixels(engine, small, &report), expected);
    EXPECT_EQ(report.weight_bytes, weights);
    EXPECT_GT(report.offloaded_bytes, 0u);
    EXPECT_GT(report.offload_room_bytes, 0u);
    EXPECT_LE(report.weight_bytes - report.offloaded_bytes + report.offload_room_bytes + report.planned_bytes, limit);
    EXPECT_EQ(pixels(engine, larger()), expected_larger);
    EXPECT_EQ(pixels(engine, small), expected);
  }
}

TEST_F(CudaLimit, WhatDoesNotFitIsOneLineAndTheNextPictureIsAsBefore) {
  const std::size_t least = least_limit(small);
  keep_within(least);
  Engine engine(on_gpu("sd1", least));
  const auto expected = pixels(engine, small);
  Request large = small;
  large.width = large.height = 256;
  try {
    pixels(engine, large);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    EXPECT_GT(least_limit_in(error.what()), least) << error.what();
  }
  EXPECT_EQ(pixels(engine, small), expected);
  engine.release();
  EXPECT_EQ(pixels(engine, small), expected);
}

/// Strengths of adapters change from picture to picture as if each had an engine of its own.
void expect_pictures_of_adapters(std::size_t limit) {
  const auto adapted = [](double kohya, double locon) {
    Request request = small;
    request.loras = {{.file = fixtures() / "loras/lora-kohya.safetensors", .weight = kohya},
                     {.file = fixtures() / "loras/lora-locon.safetensors", .weight = locon}};
    return request;
  };
  Engine engine(on_gpu("sd1", limit)), fresh(on_gpu("sd1", limit));
  const auto plain = pixels(engine, small);
  const auto first = pixels(engine, adapted(.4, 0)), second = pixels(engine, adapted(-.5, .8));
  EXPECT_NE(first, plain);
  EXPECT_NE(second, first);
  EXPECT_EQ(second, pixels(fresh, adapted(-.5, .8)));
  EXPECT_EQ(pixels(engine, small), plain);
}

TEST_F(CudaLimit, ProductsOfAdaptersAreAddedOnTheDevice) { expect_pictures_of_adapters(0); }
TEST_F(CudaLimit, ProductsOfAdaptersAreAddedOnTheHostWithinALimit) {
  expect_pictures_of_adapters(2 * least_limit(small));
}

// Between its calls other parts run, for which weights move: what was recorded before is void.
TEST_F(CudaLimit, ALoopOfOnesOwnIsTheSame) {
  const auto loop = [](std::size_t memory, bool looks) {
    const parts::Model model(on_gpu("sd1", memory));
    const parts::TextEncoder text(model);
    const parts::Autoencoder autoencoder(model);
    parts::UNet unet(model, text.encode({"a cube"}));
    Latents latents = parts::Noise(model.latent_shape(32, 32), {5}).draw_first();
    std::vector<std::uint8_t> seen;
    for (int i = 0; i < 6; ++i) {
      latents = parts::guide(model, unet.predict(latents, 900 - 100 * i), 5);
      if (looks && i % 3 == 2) autoencoder.decode(latents), text.encode({"a ball"});
    }
    for (const Image& picture : autoencoder.decode(latents)) seen = picture.rgb;
    return seen;
  };
  const auto expected = loop(0, false);
  std::size_t least = 0;
  for (std::size_t limit = least_limit(small); limit < 2 * least || least == 0; limit += limit / 3) {
    keep_within(limit);
    try {
      EXPECT_EQ(loop(limit, true), expected) << limit;
      if (least == 0) least = limit;
    } catch (const Error& error) {  // arenas of several parts at a time take more than an engine's one
      ASSERT_EQ(error.code(), ErrorCode::out_of_memory) << error.what();
      ASSERT_EQ(least, 0u);
    }
  }
}

}  // namespace
}  // namespace sumi::test
