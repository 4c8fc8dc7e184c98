#include "models/upscaler.h"

#include <gtest/gtest.h>

#include "models/model.h"
#include "models/on_backends.h"
#include "models/reference.h"
#include "nn/on_host.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

CheckpointPtr checkpoint_of(const std::string& name) {
  return open_checkpoint((model_path("upscaler-" + name) / "model.safetensors").string());
}

Upscaler load_upscaler(const std::string& name) {
  const auto checkpoint = checkpoint_of(name);
  const Loader loader(checkpoint, upscaler_names(*checkpoint));
  Upscaler upscaler(UpscalerConfig::infer(*checkpoint), loader);
  loader.finish();
  return upscaler;
}

struct Picture {
  std::int64_t height, width;
  std::vector<float> values;
};

Picture picture_of(const Reference& reference) {
  const Shape shape = reference.shape("input.picture");
  return {shape[0], shape[1], reference.values("input.picture")};
}

/// Through the meta backend and in an arena of the size that it told.
std::vector<float> enlarge(Backend& backend, const Upscaler& upscaler, const Picture& picture,
                           const Upscaler::Tiling& tiling) {
  std::vector<float> large;
  run(backend, [&](Context& ctx) {
    large = upscaler(ctx, picture.values, picture.height, picture.width, tiling);
    return ctx.tensor({1}, DType::f32);
  });
  return large;
}

class UpscalerAsTheReference : public testing::TestWithParam<ModelOnBackend> {
 protected:
  Upscaler upscaler_ = load_upscaler(GetParam().model);
  Reference reference_{"models/upscaler-" + GetParam().model + "/expected"};
  Picture picture_ = picture_of(reference_);
  std::vector<float> expected_ = reference_.values("large");
  std::unique_ptr<Backend> backend_ = make_host_backend(GetParam().backend);
};

TEST_P(UpscalerAsTheReference, Whole) {
  EXPECT_LT(largest_difference(enlarge(*backend_, upscaler_, picture_, {}), expected_), 5e-6 * largest(expected_));
}

TEST_P(UpscalerAsTheReference, InTilesThatSeeFarEnough) {
  const auto tiled = enlarge(*backend_, upscaler_, picture_, {.side = 7, .overlap = upscaler_.config().reach()});
  EXPECT_LT(largest_difference(tiled, expected_), 5e-6 * largest(expected_));
}

INSTANTIATE_TEST_SUITE_P(Models, UpscalerAsTheReference, testing::ValuesIn(on_host_backends({"x4", "x2", "first"})),
                         name_of);

// The network does look beyond a pixel, so tiles agree above because of their overlap.
TEST(Upscaler, TilesThatSeeTooLittleDiffer) {
  const Upscaler upscaler = load_upscaler("x4");
  const Reference reference("models/upscaler-x4/expected");
  const auto backend = make_ref_backend();
  const auto tiled = enlarge(*backend, upscaler, picture_of(reference), {.side = 10, .overlap = 1});
  const auto expected = reference.values("large");
  EXPECT_GT(largest_difference(tiled, expected), 1e-4 * largest(expected));
}

// An odd size under a network that folds two by two pixels: as if the last row and column were there twice.
TEST(Upscaler, OddSizesGoOnWithTheirLastPixels) {
  const Upscaler upscaler = load_upscaler("x2");
  const auto backend = make_ref_backend();
  Picture odd{3, 5, {}}, even{4, 6, {}};
  for (int i = 0; i < 45; ++i) odd.values.push_back(static_cast<float>(i * 7 % 45) / 45);
  for (std::size_t y = 0; y < 4; ++y)
    for (std::size_t x = 0; x < 6; ++x)
      for (std::size_t c = 0; c < 3; ++c)
        even.values.push_back(odd.values[(std::min<std::size_t>(y, 2) * 5 + std::min<std::size_t>(x, 4)) * 3 + c]);
  const auto small = enlarge(*backend, upscaler, odd, {}), large = enlarge(*backend, upscaler, even, {});
  ASSERT_EQ(small.size(), 6u * 10 * 3);
  for (std::size_t y = 0; y < 6; ++y)
    for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(small[y * 30 + i], large[y * 36 + i]);
}

TEST(UpscalerConfig, IsInTheShapesOfTheFile) {
  const auto x2 = UpscalerConfig::infer(*checkpoint_of("x2")), first = UpscalerConfig::infer(*checkpoint_of("first"));
  EXPECT_EQ(x2.scale(), 2);
  EXPECT_EQ(x2.blocks, 1);
  EXPECT_EQ(x2.channels, 8);
  EXPECT_EQ(x2.growth, 4);
  EXPECT_EQ(first.scale(), 4);
  EXPECT_EQ(first.blocks, 2);
}

TEST(UpscalerConfig, RefusesOtherFiles) {
  const auto path = (model_path("taesd") / "diffusion_pytorch_model.safetensors").string();
  expect_error(ErrorCode::unsupported, "no convolution 'conv_first.weight'",
               [&] { UpscalerConfig::infer(*open_checkpoint(path)); });
}

}  // namespace
}  // namespace sumi::test
