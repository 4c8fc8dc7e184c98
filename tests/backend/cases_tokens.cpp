// Token merging.

#include <array>

#include "cases.h"

namespace sumi::test {
namespace {

/// Tokens, as many as are left of them, channels.
constexpr std::array<std::int64_t, 4> token_sizes[] = {{1, 1, 1, 1},      {1, 2, 1, 3},   {2, 16, 9, 16},
                                                       {3, 65, 33, 17},   {2, 7, 7, 320}, {1, 500, 3, 20},
                                                       {2, 256, 128, 64}, {4, 100, 70, 1}};

template <class Op>
std::vector<Trial<Op>> token_trials() {
  std::vector<Trial<Op>> trials;
  for (const auto& [batch, tokens, length, channels] : token_sizes) {
    for (const DType type : activation_types) {
      trials.push_back({{.batch = batch, .tokens = tokens, .length = length, .channels = channels, .x = type}});
    }
  }
  return trials;
}

}  // namespace

std::vector<Trial<MatchTokensOp>> Cases<MatchTokensOp>::all() {
  struct Size {
    std::int64_t batch, tokens, channels, destinations, merged;
  };
  const Size sizes[] = {{1, 2, 16, 1, 1},        {2, 4, 16, 1, 2},        {1, 16, 32, 4, 0},   {2, 16, 33, 4, 12},
                        {1, 63, 40, 15, 31},     {3, 64, 64, 16, 32},     {2, 65, 17, 17, 20}, {1, 500, 20, 499, 1},
                        {1, 1024, 80, 256, 512}, {2, 1300, 24, 300, 650}, {1, 777, 48, 1, 700}};
  std::vector<Trial<MatchTokensOp>> trials;
  for (const Size& s : sizes) {
    for (const DType type : activation_types) {
      trials.push_back({{.batch = s.batch,
                         .tokens = s.tokens,
                         .channels = s.channels,
                         .destinations = s.destinations,
                         .merged = s.merged,
                         .x = type}});
    }
  }
  return trials;
}

std::vector<Trial<MergeTokensOp>> Cases<MergeTokensOp>::all() { return token_trials<MergeTokensOp>(); }
std::vector<Trial<UnmergeTokensOp>> Cases<UnmergeTokensOp>::all() { return token_trials<UnmergeTokensOp>(); }

}  // namespace sumi::test
