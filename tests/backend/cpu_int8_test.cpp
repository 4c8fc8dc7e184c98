// What the sweep does not ask of linears in int8: values at the edges of float32, sums that must not saturate, which
// cases are declined, packed weights, threads.

#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "family.h"
#include "linear_trials.h"
#include "ops/rounding.h"
#include "sweep.h"

namespace sumi::test {
namespace {

using Case = LinearOp::Case;

class CpuInt8 : public Family<LinearOp> {
 protected:
  CpuInt8() : Family(add_int8) {}
};

Case linear_case(std::int64_t rows, std::int64_t in, std::int64_t out) {
  return {.rows = rows, .in = in, .out = out, .rounding = Rounding::int8};
}

/// The rows of x and of the weight with the given values.
Sample<LinearOp> sample_of(const Trial<LinearOp>& trial, const Values& x, const Values& weight) {
  Sample<LinearOp> sample{.trial = trial};
  sample.args.x = sample.memory.tensor({trial.c.rows, trial.c.in}, x);
  sample.weight = weight;
  sample.expected = evaluate<LinearOp>(trial.c, sample.args, weight);
  return sample;
}

Values repeated(std::int64_t count, float value) { return Values(static_cast<std::size_t>(count), value); }

TEST(RoundToInt8, IsToTheNearestWithTiesToEven) {
  Values values{127, -127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 0.49f, 126.5f, 0};
  EXPECT_EQ(round_to(Rounding::int8, values), 1);
  EXPECT_EQ(values, (Values{127, -127, 0, 2, 2, 0, -2, 0, 126, 0}));
}

TEST(RoundToInt8, TellsWhatHasNoStep) {
  constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const Values& none : {Values{}, Values{0, -0.0f}, Values{1e-40f, -1e-31f}}) {
    Values values = none;
    EXPECT_EQ(round_to(Rounding::int8, values), 0);
    EXPECT_EQ(values, repeated(static_cast<std::int64_t>(none.size()), 0));
  }
  for (const Values& none : {Values{1, infinity}, Values{nan, 3}, Values{-infinity}, Values{-nan}}) {
    Values values = none;
    EXPECT_TRUE(std::isnan(round_to(Rounding::int8, values)));
    EXPECT_EQ(values, repeated(static_cast<std::int64_t>(none.size()), 0));
  }
  Values largest{std::numeric_limits<float>::max(), 1};
  EXPECT_EQ(round_to(Rounding::int8, largest), std::numeric_limits<float>::max() / 127);
  EXPECT_EQ(largest, (Values{127, 0}));
}

// All factors at their largest and of one sign: neither a pair of products nor a sum may saturate.
TEST_F(CpuInt8, TheLargestSumsAreExact) {
  for (const std::int64_t in : {1, 2, 3, 5, 64, 1283, 131072}) {
    for (const float x : {1.0f, -1.0f}) {
      for (const float w : {1.0f, -1.0f}) {
        const Trial<LinearOp> trial{linear_case(3, in, 2)};
        const auto sample = sample_of(trial, repeated(3 * in, x), repeated(2 * in, w));
        for (const auto& each : all()) {
          const Values y = run_guarded<LinearOp>(*each, planned(*each, trial.c), sample);
          ASSERT_EQ(y.size(), 6) << each->name();
          for (const float value : y) EXPECT_NEAR(value / (x * w * static_cast<float>(in)), 1, 4e-7) << each->name();
        }
      }
    }
  }
}

// Rows that no step suits stand between ordinary ones, in x and in the weight, and touch nobody else's result.
TEST_F(CpuInt8, EdgesOfFloat32AgreeWithRef) {
  constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  constexpr std::int64_t rows = 31, in = 37, out = 35;
  const float edges[] = {0, 1e-40f, -1e-30f, 1e30f, 3e38f, infinity, -infinity, nan, 0x1p-100f, -0x1p-101f};
  Random random(3);
  Values x = random.normals(rows * in), weight = random.normals(out * in);
  for (std::size_t i = 0; i < std::size(edges); ++i) {
    x[(3 * i) * in + i] = edges[i];                                // one value among others
    std::fill_n(x.begin() + (3 * i + 1) * in, in, edges[i]);       // a whole row
    if (edges[i] < 1e30f) weight[3 * i * in + 36 - i] = edges[i];  // large steps of both have no product
  }
  const Trial<LinearOp> trial{linear_case(rows, in, out)};
  const auto sample = sample_of(trial, x, weight);
  for (const auto& each : all()) {
    const Values y = run_guarded<LinearOp>(*each, planned(*each, trial.c), sample);
    ASSERT_EQ(y.size(), sample.expected.size()) << each->name();
    for (std::size_t i = 0; i < y.size(); ++i) {
      const float expected = sample.expected[i];
      if (std::isnan(expected)) {
        EXPECT_TRUE(std::isnan(y[i])) << each->name() << " at " << i << ": " << y[i];
      } else {
        EXPECT_TRUE(y[i] == expected || std::abs(y[i] - expected) <= 4e-7f * std::abs(expected))
            << each->name() << " at " << i << ": " << y[i] << ", expected " << expected;
      }
    }
  }
}

// Blocks of rows, groups of panels, pieces of the summed axis: more than one of each, and tails.
TEST_F(CpuInt8, BlocksAndTailsAgreeWithRef) {
  constexpr LinearSize sizes[] = {{1, 257, 31},    {15, 1023, 33}, {113, 255, 65},
                                  {227, 260, 300}, {2000, 60, 17}, {29, 129, 511}};
  const auto trials = linear_trials(sizes, Rounding::int8);
  for (const auto& trial : trials) {
    for (const auto& each : all()) EXPECT_EQ(reason(*each, trial.c), "");
  }
  sweep<LinearOp>(operations_, trials);
}

TEST_F(CpuInt8, ResultsAreTheSameInAnyNumberOfThreads) {
  for (const auto& each : all()) expect_same_in_any_number_of_threads<LinearOp>(*each, {linear_case(500, 90, 700)});
}

TEST_F(CpuInt8, AllNumbersOfRowsShareAByteForEachWeight) {
  for (const auto& each : all()) {
    std::set<std::string> layouts;
    for (const int count : {1, 3}) {
      set_threads(count);
      for (const std::int64_t rows : {1, 64, 8192}) {
        Case c = linear_case(rows, 320, 640);
        layouts.insert(planned(*each, c).layout);
        c.x = c.y = DType::bf16;
        c.residual = true;
        const Plan plan = planned(*each, c);
        layouts.insert(plan.layout);
        EXPECT_EQ(plan.packed_bytes, std::size_t{640} * (320 + 8)) << "weights, and two numbers for each of their rows";
      }
    }
    EXPECT_EQ(layouts.size(), 1) << each->name();
    Case gated = linear_case(64, 320, 320);
    gated.gated = true;
    EXPECT_FALSE(layouts.contains(planned(*each, gated).layout)) << "values and gates lie side by side";
  }
}

TEST_F(CpuInt8, DeclinesSayWhy) {
  for (const auto& each : all()) {
    const auto with = [&](auto change) {
      Case c = linear_case(64, 320, 320);
      change(c);
      return reason(*each, c);
    };
    EXPECT_EQ(with([](Case&) {}), "");
    EXPECT_EQ(with([](Case& c) { c.rounding = Rounding::none; }), "computes int8");
    EXPECT_EQ(with([](Case& c) { c.activation = Activation::tanh; }), "has no tanh");
    EXPECT_EQ(with([](Case& c) { c.rows = 0; }), "nothing to compute");
    EXPECT_EQ(with([](Case& c) { c.x = DType::f16; }), "takes f32 and bf16, not f16 to f32");
    EXPECT_EQ(with([](Case& c) { c.in = 131073; }), "sums of more than 131072 products need 64 bits");
  }
}

}  // namespace
}  // namespace sumi::test
