#include "accel/token_merging.h"

#include <gtest/gtest.h>

#include "models/model.h"
#include "models/reference.h"
#include "nn/on_host.h"

namespace sumi::test {
namespace {

TEST(TokenMerging, MergesAtHighResolutionsOnly) {
  const auto least = [](std::int64_t max_downsample, std::int64_t height, std::int64_t width) {
    return TokenMerging{.max_downsample = max_downsample}.merger(height, width).least_tokens;
  };
  EXPECT_LE(least(1, 64, 64), 64 * 64);
  EXPECT_GT(least(1, 64, 64), 32 * 32);
  EXPECT_LE(least(2, 64, 64), 32 * 32);
  EXPECT_GT(least(2, 64, 64), 16 * 16);
  // Odd sizes halve rounding up: 9 x 7, 5 x 4, 3 x 2.
  EXPECT_LE(least(2, 9, 7), 5 * 4);
  EXPECT_GT(least(2, 9, 7), 3 * 2);
}

TEST(TokenMerging, RefusesWhatCannotMerge) {
  EXPECT_NO_THROW(TokenMerging{.ratio = 0.75}.merger(8, 8));
  for (const TokenMerging& wrong :
       {TokenMerging{.ratio = 0.76}, TokenMerging{.ratio = -0.1}, TokenMerging{.ratio = NAN},
        TokenMerging{.cell_height = 0}, TokenMerging{.cell_width = 17}, TokenMerging{.max_downsample = 0}}) {
    try {
      wrong.merger(8, 8);
      ADD_FAILURE() << "taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::usage);
    }
  }
}

/// Places of the tokens of a picture whose tokens are all alike.
std::vector<std::int32_t> match(TokenMerger merger, std::int64_t height, std::int64_t width) {
  const auto backend = make_ref_backend();
  Arena arena(backend->allocate(1 << 20), 1 << 20);
  Context ctx{.backend = *backend, .arena = arena};
  const Tensor x = ctx.upload(std::vector<float>(static_cast<std::size_t>(height * width), 1), {1, height * width, 1});
  const auto merged = merger.match(ctx, x, height, width);
  if (!merged) return {};
  const auto* first = merged->place.data<std::int32_t>();
  return {first, first + height * width};
}

// Whole cells of 2 x 2 in 5 x 3 tokens begin at 0 and 6. Of the other 13 tokens the first 7 merge into the first.
TEST(TokenMerger, KeepsTheTopLeftOfEachWholeCell) {
  const TokenMerger merger = TokenMerging{.ratio = 0.5, .random = false}.merger(5, 3);
  EXPECT_EQ(match(merger, 5, 3), (std::vector<std::int32_t>{6, 6, 6, 6, 6, 6, 7, 6, 6, 0, 1, 2, 3, 4, 5}));
}

TEST(TokenMerger, RandomDestinationsAreTheSameForEveryRunAndOthersForEachBlock) {
  const TokenMerger merger = TokenMerging{}.merger(16, 16);
  EXPECT_EQ(match(merger, 16, 16), match(merger, 16, 16));
  TokenMerger used = merger;
  (*used.random)();
  EXPECT_NE(match(used, 16, 16), match(merger, 16, 16));
  EXPECT_NE(match(TokenMerging{.random = false}.merger(16, 16), 16, 16), match(merger, 16, 16));
}

TEST(TokenMerger, LeavesSmallAndNarrowPicturesAlone) {
  const TokenMerger merger = TokenMerging{.max_downsample = 16}.merger(8, 8);
  EXPECT_FALSE(match(merger, 2, 2).empty());
  EXPECT_TRUE(match(merger, 1, 8).empty());
  EXPECT_TRUE(match(TokenMerging{.ratio = 0}.merger(8, 8), 8, 8).empty());
  EXPECT_TRUE(match(TokenMerging{}.merger(8, 8), 4, 4).empty());
}

// In an arena of exactly the size that the dry run tells, with the FLOPs it tells: fewer than without.
TEST(TokenMerger, IsPlannedExactly) {
  const UNet unet = load_unet(ModelFolder(model_path("sd1")));
  const Reference reference("unet-sd1");
  const auto backend = make_host_backend(host_backends().back());
  const auto predict = [&](const TokenMerging* merging, double& flops) {
    return run(*backend, [&](Context& ctx) {
      const auto conditioning = unet.prepare(ctx, {.tokens = reference.upload(ctx, "input.prompt")});
      const Tensor latent = reference.upload(ctx, "input.latent");
      std::optional<TokenMerger> merger;
      if (merging) merger = merging->merger(latent.size(1), latent.size(2));
      const Tensor y = unet(ctx, latent, reference.upload(ctx, "input.timesteps"), conditioning,
                            {.merger = merger ? &*merger : nullptr});
      flops = ctx.flops;
      return y;
    });
  };
  double plain_flops = 0, merged_flops = 0;
  const TokenMerging merging{.sites = {.cross_attention = true, .feed_forward = true}};
  const auto plain = predict(nullptr, plain_flops), merged = predict(&merging, merged_flops);
  EXPECT_LT(merged_flops, plain_flops);
  EXPECT_GT(rms_difference(plain, merged), 1e-3 * largest(plain));
  EXPECT_LT(rms_difference(plain, merged), 0.3 * largest(plain));
}

}  // namespace
}  // namespace sumi::test
