// What the sweep does not ask of Winograd's convolution: its error on values as a network has them, which cases it
// leaves to direct convolution, which packed weights sizes share, threads.

#include <gtest/gtest.h>

#include "backend/cpu/cpu.h"
#include "family.h"
#include "sweep.h"

namespace sumi::test {
namespace {

using Case = Conv2dOp::Case;

class CpuWinograd : public Family<Conv2dOp> {
 protected:
  CpuWinograd() : Family(add_winograd) {}
};

Case convolution(std::int64_t batch, std::int64_t side, std::int64_t in, std::int64_t out) {
  return {.batch = batch,
          .height = side,
          .width = side + 1,
          .in_channels = in,
          .out_channels = out,
          .padding = {1, 1, 1, 1}};
}

// Inputs as after a norm and SiLU, neighbours alike; relative root mean square against sums in double. A direct sum in
// float32 has 0.4e-6 for 64 channels, 1.0e-6 for 320. The transform with the points 0, 1, -1, 2, -2 has 1.9e-6 and
// 3.0e-6.
TEST_F(CpuWinograd, ErrorsStayNearThoseOfDirectSums) {
  for (const auto& [channels, most] : {std::pair(64, 1.2e-6), std::pair(320, 2.0e-6), std::pair(1280, 3.0e-6)}) {
    const Trial<Conv2dOp> trial{convolution(1, 15, channels, channels < 100 ? 64 : 32)};
    auto sample = make_sample<Conv2dOp>(trial, 7);
    auto* x = sample.args.x.data<float>();
    for (std::int64_t i = 0; i < sample.args.x.elements(); ++i) {
      x[i] = x[i] / (1 + std::exp(-x[i]));
      if (i >= channels) x[i] = 0.6f * x[i] + 0.4f * x[i - channels];
    }
    sample.expected = evaluate<Conv2dOp>(trial.c, sample.args, sample.weight);
    for (const auto& each : all()) {
      const Values y = run_guarded<Conv2dOp>(*each, planned(*each, trial.c), sample);
      ASSERT_EQ(y.size(), sample.expected.size()) << each->name();
      double errors = 0, squares = 0;
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double expected = sample.expected[i];
        errors += (y[i] - expected) * (y[i] - expected);
        squares += expected * expected;
      }
      const double relative = std::sqrt(errors / squares);
      std::cout << fmt::format("  {}, {} channels: {:.2e}\n", each->name(), channels, relative);
      EXPECT_LT(relative, most) << each->name() << ", " << channels << " channels";
    }
  }
}

// More than a block of channels or filters and less than a vector beyond; maps that end at every place of a tile.
TEST_F(CpuWinograd, TailsAgreeWithRef) {
  struct Size {
    std::int64_t batch, height, width, in, out;
    Conv2dOp::Padding padding = {1, 1, 1, 1};
  };
  constexpr Size sizes[] = {{1, 16, 16, 70, 90},
                            {2, 13, 22, 70, 90},
                            {3, 19, 15, 96, 61},
                            {1, 23, 20, 129, 65},
                            {4, 8, 8, 140, 127},
                            {1, 6, 90, 65, 96, {}},
                            {2, 21, 13, 128, 64, {2, 0, 1, 3}},
                            {1, 40, 8, 257, 60}};
  constexpr Activation activations[] = {Activation::none, Activation::silu, Activation::relu, Activation::leaky_relu};
  std::vector<Trial<Conv2dOp>> trials;
  for (const Size& s : sizes) {
    for (const DType type : {DType::f32, DType::bf16}) {
      for (const bool all : {false, true}) {
        const std::size_t turn = trials.size();
        trials.push_back({{.batch = s.batch,
                           .height = s.height,
                           .width = s.width,
                           .in_channels = s.in,
                           .out_channels = s.out,
                           .padding = s.padding,
                           .x = type,
                           .y = type,
                           .activation = activations[(turn + turn / 4) % 4],
                           .bias = turn % 3 != 0,
                           .row = all || turn % 5 == 0,
                           .residual = all || turn % 7 == 0}});
      }
    }
    for (const auto& each : this->all()) EXPECT_EQ(reason(*each, trials[trials.size() - 4].c), "");
  }
  sweep<Conv2dOp>(operations_, trials);
}

TEST_F(CpuWinograd, ResultsAreTheSameInAnyNumberOfThreads) {
  const Trial<Conv2dOp> trial{convolution(2, 30, 70, 90)};
  const auto sample = make_sample<Conv2dOp>(trial, 8);
  for (const auto& each : all()) {
    set_threads(1);
    const Values alone = run_guarded<Conv2dOp>(*each, planned(*each, trial.c), sample);
    EXPECT_FALSE(alone.empty());
    for (const int count : {2, 3, 7}) {
      set_threads(count);
      const Plan plan = planned(*each, trial.c);
      EXPECT_EQ(run_guarded<Conv2dOp>(*each, plan, sample), alone) << each->name() << " in " << count;
      set_threads(1);  // with memory for more
      EXPECT_EQ(run_guarded<Conv2dOp>(*each, plan, sample), alone) << each->name() << " planned for " << count;
    }
  }
}

TEST_F(CpuWinograd, PicturesOfAllSizesShareTheirPackedFilters) {
  for (const auto& each : all()) {
    const Plan small = planned(*each, convolution(1, 8, 320, 640));
    set_threads(3);
    const Plan large = planned(*each, convolution(2, 64, 320, 640));
    EXPECT_EQ(small.layout, large.layout);
    EXPECT_EQ(small.packed_bytes, std::size_t{320} * 640 * 9 * 4) << "no larger than the filters";
    EXPECT_EQ(small.packed_bytes, large.packed_bytes);
    Case narrow = convolution(1, 8, 320, 640);
    narrow.x = narrow.y = DType::bf16;
    if (!reason(*each, narrow).empty()) continue;
    EXPECT_EQ(planned(*each, narrow).packed_bytes, small.packed_bytes / 2);
  }
}

TEST_F(CpuWinograd, DeclinesSayWhy) {
  for (const auto& each : all()) {
    const auto with = [&](auto change) {
      Case c = convolution(2, 32, 320, 320);
      change(c);
      return reason(*each, c);
    };
    EXPECT_EQ(with([](Case&) {}), "");
    EXPECT_EQ(with([](Case& c) { c.stride = 2; }), "computes 3 x 3 taps without a stride");
    EXPECT_EQ(with([](Case& c) { c.kernel = 1; }), "computes 3 x 3 taps without a stride");
    EXPECT_EQ(with([](Case& c) { c.activation = Activation::gelu; }), "has no gelu");
    EXPECT_EQ(with([](Case& c) { c.batch = 0; }), "nothing to compute");
    EXPECT_TRUE(with([](Case& c) { c.y = DType::f16; }).ends_with("not f32 to f16"));
    const std::string slow = "too small: direct convolution is faster";
    EXPECT_EQ(with([](Case& c) { c.in_channels = 4; }), slow);
    EXPECT_EQ(with([](Case& c) { c.out_channels = 4; }), slow);
    EXPECT_EQ(with([](Case& c) { c.height = c.width = 1; }), slow);
  }
}

}  // namespace
}  // namespace sumi::test
