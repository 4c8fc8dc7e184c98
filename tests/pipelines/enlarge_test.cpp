#include "pipelines/enlarge.h"

#include <gtest/gtest.h>

#include "backend/ref/host.h"
#include "pipelines/denoise.h"
#include "pipelines/session.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

using Values = std::vector<float>;

/// One picture's, in another size.
Values enlarged_values(const LatentShape& shape, const Values& values, std::int64_t height, std::int64_t width,
                       bool nearest) {
  const Latents large = enlarged(Latents(shape, values), height, width, nearest);
  EXPECT_EQ(large.shape(), (LatentShape{1, height, width, shape.channels}));
  return {large.values().begin(), large.values().end()};
}

TEST(Enlarge, TakesTheNearest) {
  EXPECT_EQ(enlarged_values({1, 1, 3, 1}, {1, 2, 3}, 1, 6, true), (Values{1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(enlarged_values({1, 1, 2, 1}, {1, 2}, 1, 3, true), (Values{1, 1, 2}));
  EXPECT_EQ(enlarged_values({1, 2, 1, 2}, {1, 2, 3, 4}, 4, 1, true), (Values{1, 2, 1, 2, 3, 4, 3, 4}));
}

// Places of the centres of pixels: new pixel i of n lies at (i + 1/2) m / n - 1/2 of the m old ones.
TEST(Enlarge, MixesTheFourAround) {
  EXPECT_EQ(enlarged_values({1, 1, 2, 1}, {0, 8}, 1, 4, false), (Values{0, 2, 6, 8}));
  EXPECT_EQ(enlarged_values({1, 2, 1, 1}, {0, 8}, 4, 1, false), (Values{0, 2, 6, 8}));
  EXPECT_EQ(enlarged_values({1, 2, 2, 1}, {0, 8, 16, 24}, 4, 4, false),
            (Values{0, 2, 6, 8, 4, 6, 10, 12, 12, 14, 18, 20, 16, 18, 22, 24}));
  EXPECT_EQ(enlarged_values({1, 1, 3, 1}, {0, 3, 6}, 1, 3, false), (Values{0, 3, 6}));
}

/// Without a distribution in the way: tiny autoencoders give latents themselves.
const Model& model_with_taesd() {
  static const auto loaded =
      load_model({.name = (fixtures() / "models/sd1").string(), .vae = (fixtures() / "models/taesd").string()});
  return *loaded;
}

Image slopes() {
  Image image{.width = 64, .height = 48};
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      for (const int level : {4 * x, 5 * y, 128}) image.rgb.push_back(static_cast<std::uint8_t>(level));
    }
  }
  return image;
}

struct Made {
  Values pixels, latents;
};
Made make(const Start& start, std::int64_t width, std::int64_t height) {
  const auto backend = make_ref_backend();
  Session session(*backend, DType::f32);
  Request request{.prompt = "cat", .steps = 4, .seed = 3, .start = start};
  request.width = static_cast<int>(width);
  request.height = static_cast<int>(height);
  request.sampling.sampler = "euler";
  const Job job = settle(model_with_taesd(), request);
  Made made;
  const auto body = [&](Context& ctx) { made.pixels = make_pictures(ctx, model_with_taesd(), job).values; };
  session.run(body);
  const auto encode = [&](Context& ctx) {
    made.latents.clear();
    if (start.picture.rgb.empty()) return;
    for (const float value : model_with_taesd().vae.encode(ctx, upload_picture(ctx, *job.picture, -1), false).mean) {
      made.latents.push_back(static_cast<float>(model_with_taesd().vae.scaled(value)));
    }
  };
  session.run(encode);
  return made;
}

TEST(StartFromLatents, IsTheStartFromThePictureThatTheyAre) {
  const Made from_picture = make({.picture = slopes(), .strength = 0.5}, 64, 48);
  const LatentShape shape{1, 6, 8, 4};
  const Made from_latents = make({.latents = {shape, from_picture.latents}, .strength = 0.5}, 64, 48);
  EXPECT_EQ(from_latents.pixels, from_picture.pixels);
  const Made from_others = make({.latents = Latents(shape), .strength = 0.5}, 64, 48);
  EXPECT_NE(from_others.pixels, from_picture.pixels);
}

TEST(StartFromLatents, OfAnotherSizeIsRefused) {
  try {
    make({.latents = Latents({1, 6, 7, 4}), .strength = 0.5}, 64, 48);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    EXPECT_STREQ(error.what(), "latents to begin with: 1x6x7x4, expected 1x6x8x4");
  }
}

}  // namespace
}  // namespace sumi::test
