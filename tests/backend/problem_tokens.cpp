// Token merging.

#include <numeric>

#include "tolerance.h"

namespace sumi::test {
namespace {

/// `count` of 0..n-1, in no order.
std::vector<std::int64_t> some_of(std::int64_t n, std::int64_t count, Random& random) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    std::swap(all[i], all[i + static_cast<std::size_t>(random.below(n - static_cast<std::int64_t>(i)))]);
  }
  all.resize(static_cast<std::size_t>(count));
  return all;
}

/// Each of the rows 0..length-1 is the place of a token.
Tensor random_places(std::int64_t batch, std::int64_t tokens, std::int64_t length, Random& random, Memory& memory) {
  const Tensor place = memory.tensor({batch, tokens}, DType::i32);
  for (std::int64_t n = 0; n < batch; ++n) {
    const auto order = some_of(tokens, tokens, random);
    for (std::int64_t i = 0; i < tokens; ++i) {
      const std::int64_t row = i < length ? i : random.below(length);
      place.data<std::int32_t>()[n * tokens + order[static_cast<std::size_t>(i)]] = static_cast<std::int32_t>(row);
    }
  }
  return place;
}

}  // namespace

// match_tokens

Shape Problem<MatchTokensOp>::output(const Case& c) { return {c.batch, c.tokens}; }

// Those that merge lie close to a destination, the others far from all: rounding changes neither who merges nor into
// what.
MatchTokensOp::Args Problem<MatchTokensOp>::inputs(const Trial<MatchTokensOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.x = normal({c.batch, c.tokens, c.channels}, random, memory);
  args.destinations = memory.tensor({c.destinations}, DType::i32);
  std::vector<std::int64_t> sources;
  for (std::int64_t token = 0, d = 0; token < c.tokens; ++token) {
    if (d < c.destinations && token == d * c.tokens / c.destinations) {
      args.destinations.data<std::int32_t>()[d++] = static_cast<std::int32_t>(token);
    } else {
      sources.push_back(token);
    }
  }
  for (std::int64_t n = 0; n < c.batch; ++n) {
    float* x = args.x.data<float>() + n * c.tokens * c.channels;
    for (const std::int64_t i : some_of(c.sources(), c.merged, random)) {
      const auto like = args.destinations.data<std::int32_t>()[random.below(c.destinations)];
      float* source = x + sources[static_cast<std::size_t>(i)] * c.channels;
      const float length = random.below(2) ? 3.0f : 0.25f;
      for (std::int64_t k = 0; k < c.channels; ++k) source[k] = length * (x[like * c.channels + k] + source[k] / 20);
    }
  }
  return args;
}

void Problem<MatchTokensOp>::convert(const Case& c, Args& args, Memory& memory) {
  args.x = memory.converted(args.x, c.x);
}

Values Problem<MatchTokensOp>::tolerance(const Trial<MatchTokensOp>&, const Args&, const Values&,
                                         const Values& expected) {
  return Values(expected.size());
}

// merge_tokens, unmerge_tokens

Shape Problem<MergeTokensOp>::output(const Case& c) { return {c.batch, c.length, c.channels}; }

MergeTokensOp::Args Problem<MergeTokensOp>::inputs(const Trial<MergeTokensOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.x = normal({c.batch, c.tokens, c.channels}, random, memory);
  args.place = random_places(c.batch, c.tokens, c.length, random, memory);
  return args;
}

void Problem<MergeTokensOp>::convert(const Case& c, Args& args, Memory& memory) {
  args.x = memory.converted(args.x, c.x);
}

// Each addition of a mean rounds a sum that is at most that of the magnitudes.
Values Problem<MergeTokensOp>::tolerance(const Trial<MergeTokensOp>& trial, const Args& args, const Values&,
                                         const Values& expected) {
  const Case& c = trial.c;
  Memory memory;
  Args positive = args;
  positive.x = memory.mapped(args.x, DType::f32, magnitude);
  const Values total = evaluate<MergeTokensOp>(widened(c), positive);
  const double additions = static_cast<double>(c.tokens - c.length + 1);
  return bounds(expected, [&](std::size_t i) { return unit32 * additions * total[i] + rounding(c.x, expected[i]); });
}

Shape Problem<UnmergeTokensOp>::output(const Case& c) { return {c.batch, c.tokens, c.channels}; }

UnmergeTokensOp::Args Problem<UnmergeTokensOp>::inputs(const Trial<UnmergeTokensOp>& trial, Random& random,
                                                       Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.x = normal({c.batch, c.length, c.channels}, random, memory);
  args.place = random_places(c.batch, c.tokens, c.length, random, memory);
  args.residual = normal({c.batch, c.tokens, c.channels}, random, memory);
  return args;
}

void Problem<UnmergeTokensOp>::convert(const Case& c, Args& args, Memory& memory) {
  args.x = memory.converted(args.x, c.x);
  args.residual = memory.converted(args.residual, c.x);
}

Values Problem<UnmergeTokensOp>::tolerance(const Trial<UnmergeTokensOp>& trial, const Args&, const Values&,
                                           const Values& expected) {
  return bounds(expected, [&](std::size_t i) { return rounding(trial.c.x, expected[i]); });
}

}  // namespace sumi::test
