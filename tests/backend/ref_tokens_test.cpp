// Token merging, by hand.

#include <gtest/gtest.h>

#include "device.h"
#include "ops/token_merging.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

using Floats = std::vector<float>;
using Places = std::vector<std::int32_t>;

Places places(const Tensor& place) {
  const auto* first = place.data<std::int32_t>();
  return {first, first + place.elements()};
}

// Destinations 0 and 3 point along the axes. By cosine token 1 is like 0, 4 a little less like 3, 2 like neither.
TEST(RefMatchTokens, MergesTheMostAlikeWhateverTheirLength) {
  Device device;
  const Tensor x = device.tensor({1, 5, 2}, {1, 0, 0.5f, 0.01f, 100, 99, 0, 2, 0.1f, 3});
  const Places kept{0, 3};
  EXPECT_EQ(places(match_tokens(device.ctx, x, kept, 0)), (Places{3, 0, 1, 4, 2}));
  EXPECT_EQ(places(match_tokens(device.ctx, x, kept, 1)), (Places{2, 2, 0, 3, 1}));
  EXPECT_EQ(places(match_tokens(device.ctx, x, kept, 2)), (Places{1, 1, 0, 2, 2}));
  EXPECT_EQ(places(match_tokens(device.ctx, x, kept, 3)), (Places{0, 0, 0, 1, 1}));
}

// Destinations 1 and 2 are the same, and tokens 0, 3 and 4 are equally like both.
TEST(RefMatchTokens, TakesTheFirstOfEquals) {
  Device device;
  const Tensor x = device.tensor({1, 5, 2}, {0, 2, 0, 1, 0, 4, 0, 1, 0, 8});
  EXPECT_EQ(places(match_tokens(device.ctx, x, Places{1, 2}, 2)), (Places{1, 1, 2, 1, 0}));
}

TEST(RefMatchTokens, MatchesEachPictureByItself) {
  Device device;
  const Tensor x = device.tensor({2, 3, 2}, {1, 0, 1, 0.1f, 0, 1, /**/ 1, 0, 0, 1, 1, 0.1f});
  EXPECT_EQ(places(match_tokens(device.ctx, x, Places{0}, 1)), (Places{1, 1, 0, /**/ 1, 0, 1}));
}

TEST(RefMatchTokens, TakesZerosAndNaN) {
  Device device;
  const Tensor x = device.tensor({1, 4, 1}, {0, 0, NAN, 1});
  EXPECT_EQ(places(match_tokens(device.ctx, x, Places{0}, 2)), (Places{1, 1, 0, 1}));
}

TEST(MatchTokens, SaysWhatDoesNotFit) {
  Device device;
  const Tensor x = device.ctx.tensor({1, 4, 2});
  const auto match = [&](Places kept, std::int64_t merged) {
    return [&device, &x, kept, merged] { match_tokens(device.ctx, x, kept, merged); };
  };
  expect_error(ErrorCode::internal, "4 tokens merge in 1x4x2 with 1 destinations", match({0}, 4));
  expect_error(ErrorCode::internal, "1 tokens merge in 1x4x2 with 0 destinations", match({}, 1));
  for (const Places& kept : std::initializer_list<Places>{{1, 1}, {2, 1}, {-1, 1}, {1, 4}}) {
    expect_error(ErrorCode::internal, "destinations do not rise in 0..3", match(kept, 1));
  }
}

TEST(RefMergeTokens, MeansAndTheirWayBack) {
  Device device;
  const Tensor x = device.tensor({2, 3, 2}, {1, 2, 3, 4, 5, 9, /**/ 1, 1, 2, 2, 3, 3});
  const Tensor place = device.ctx.upload(Places{1, 0, 1, /**/ 0, 0, 1}, {2, 3});
  const Tensor merged = merge_tokens(device.ctx, x, place, 2);
  EXPECT_EQ(device.values(merged), (Floats{3, 4, 3, 5.5f, /**/ 1.5f, 1.5f, 3, 3}));
  const Tensor residual = device.tensor({2, 3, 2}, {10, 0, 20, 0, 30, 0, /**/ 0, 0, 0, 0, 0, 1});
  EXPECT_EQ(device.values(unmerge_tokens(device.ctx, merged, place, residual)),
            (Floats{13, 5.5f, 23, 4, 33, 5.5f, /**/ 1.5f, 1.5f, 1.5f, 1.5f, 3, 4}));
}

}  // namespace
}  // namespace sumi::test
