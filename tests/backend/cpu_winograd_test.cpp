// What the sweep does not ask of Winograd's convolution: its error on values as a network has them, which cases it
// leaves to direct convolution, which packed weights sizes share, threads.

#include <gtest/gtest.h>

#include "backend/cpu/cpu.h"
#include "family.h"
#include "sweep.h"

namespace sumi::test {
namespace {

using Case = Conv2dOp::Case;

/// The lists of processors, not of this one alone: an implementation that is left out somewhere fails here.
TEST(Winograd, IsListedForEveryInstructionSet) {
  using Names = std::vector<std::string_view>;
  const auto names = [](Isa isa) {
    Operations operations;
    add_winograd(operations, isa);
    add_emulated_winograd(operations, isa);
    Names found;
    for (const auto& each : operations.list<Conv2dOp>()) found.push_back(each->name());
    return found;
  };
  EXPECT_EQ(names(Isa::portable), Names());
#if defined(__aarch64__)
  EXPECT_EQ(names(Isa::neon), (Names{"winograd-neon", "winograd-upsampled-neon"}));
#else
  EXPECT_EQ(names(Isa::neon), Names());
  const Names avx2{"winograd-avx2", "winograd-upsampled-avx2"};
  const auto before = [](Names first, const Names& others) {
    first.insert(first.end(), others.begin(), others.end());
    return first;
  };
  const Names avx512 = before({"winograd-avx512", "winograd-upsampled-avx512"}, avx2);
  const Names widening = before(avx512, {"winograd-pairs-avx512", "winograd-upsampled-pairs-avx512"});
  EXPECT_EQ(names(Isa::avx2), avx2);
  EXPECT_EQ(names(Isa::avx512), widening);
  EXPECT_EQ(names(Isa::avx512vnni), widening);
  EXPECT_EQ(names(Isa::avx512bf16), before({"winograd-avx512bf16", "winograd-upsampled-avx512bf16"}, avx512));
  EXPECT_EQ(names(Isa::amx), avx512);
#endif
}

class CpuWinograd : public Family<Conv2dOp> {
 protected:
  CpuWinograd()
      : Family([](Operations& operations, Isa isa) {
          add_winograd(operations, isa);
          add_emulated_winograd(operations, isa);
        }) {}
};

Case convolution(std::int64_t batch, std::int64_t side, std::int64_t in, std::int64_t out, DType type = DType::f32) {
  return {.batch = batch,
          .height = side,
          .width = side + 1,
          .in_channels = in,
          .out_channels = out,
          .padding = {1, 1, 1, 1},
          .x = type,
          .y = type};
}

/// The case with an input that the implementation takes.
Case suited(const Implementation<Conv2dOp>& implementation, Case c) {
  c.upsampled = implementation.name().find("upsampled") != std::string_view::npos;
  return c;
}

bool computes(const Implementation<Conv2dOp>& implementation, DType type) {
  return !reason(implementation, convolution(2, 32, 320, 320, type)).starts_with("computes ");
}

/// Inputs as after a norm and SiLU, neighbours alike.
Sample<Conv2dOp> natural_sample(const Trial<Conv2dOp>& trial) {
  auto sample = make_sample<Conv2dOp>(trial, 7);
  const Tensor x = sample.memory.converted(sample.args.x, DType::f32);
  auto* values = x.data<float>();
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    values[i] = values[i] / (1 + std::exp(-values[i]));
    if (i >= trial.c.in_channels) values[i] = 0.6f * values[i] + 0.4f * values[i - trial.c.in_channels];
  }
  sample.args.x = sample.memory.converted(x, trial.c.x);
  auto exact = sample.args;
  exact.x = sample.memory.converted(sample.args.x, DType::f32);
  sample.expected = evaluate<Conv2dOp>(widened(trial.c), exact, sample.weight);
  return sample;
}

/// Relative, in the root mean square.
double error_of(const Values& y, const Values& expected) {
  double errors = 0, squares = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double difference = static_cast<double>(y[i]) - expected[i];
    errors += difference * difference;
    squares += static_cast<double>(expected[i]) * expected[i];
  }
  return std::sqrt(errors / squares);
}

// Against sums in double. A direct sum in float32 has 0.4e-6 for 64 channels, 1.0e-6 for 320. The transform with the
// points 0, 1, -1, 2, -2 has 1.9e-6 and 3.0e-6.
//
// In bf16 rounding has 0.42 * 2^-8 = 1.66e-3 in the root mean square, for every number of channels (see TwoByTwo): the
// weight before its transform once, y once, both factors of F(2 x 2) (5/3) sqrt 2 times that for inputs without
// likeness and less for others: together sqrt(1 + 1 + 50/9) * 1.66e-3 = 4.6e-3. Beside zeros 2 stands for 5/3, as for 2
// of 23 pixels here along either axis: 4.7e-3.
TEST_F(CpuWinograd, ErrorsStayNearThoseOfDirectSums) {
  struct Bound {
    std::int64_t channels;
    double f32, bf16 = 5e-3;
  };
  for (const Bound& bound : {Bound{64, 1.2e-6}, Bound{320, 2.0e-6}, Bound{1280, 3.0e-6}}) {
    for (const DType type : activation_types) {
      for (const auto& each : all()) {
        if (!computes(*each, type)) continue;
        const Trial<Conv2dOp> trial{suited(*each, convolution(1, 23, bound.channels, 64, type))};
        const auto white = make_sample<Conv2dOp>(trial, 7), natural = natural_sample(trial);
        const auto check = [&](const Sample<Conv2dOp>& sample, std::string_view inputs, double most) {
          const Values y = run_guarded<Conv2dOp>(*each, planned(*each, trial.c), sample);
          ASSERT_EQ(y.size(), sample.expected.size()) << each->name();
          const double error = error_of(y, sample.expected);
          std::cout << fmt::format("  {}, {}, {} channels, {} inputs: {:.2e}\n", each->name(), name_of(type),
                                   bound.channels, inputs, error);
          EXPECT_LT(error, most) << each->name() << ", " << name_of(type) << ", " << bound.channels << " channels";
        };
        check(natural, "natural", type == DType::f32 ? bound.f32 : bound.bf16);
        if (type == DType::bf16) check(white, "white", bound.bf16);
      }
    }
  }
}

// More than a block of channels or filters and less than a vector beyond; maps that end at every place of a tile.
TEST_F(CpuWinograd, TailsAgreeWithRef) {
  struct Size {
    std::int64_t batch, height, width, in, out;
    Conv2dOp::Padding padding = {1, 1, 1, 1};
    bool upsampled = false;
  };
  constexpr Size sizes[] = {{1, 16, 16, 70, 90},
                            {2, 21, 22, 70, 90},
                            {3, 29, 25, 96, 63},
                            {1, 23, 20, 129, 95},
                            {4, 8, 8, 140, 127},
                            {1, 6, 90, 65, 96, {}},
                            {2, 21, 13, 128, 64, {2, 0, 1, 3}},
                            {1, 40, 8, 257, 60},
                            {2, 22, 17, 65, 64},
                            {1, 61, 62, 129, 63},   // with two threads, many groups of tiles of 2 x 2
                            {1, 171, 173, 65, 62},  // and of 4 x 4
                            {1, 11, 10, 70, 90, {1, 1, 1, 1}, true},
                            {3, 9, 17, 129, 63, {1, 1, 1, 1}, true},
                            {1, 1, 90, 96, 65, {1, 1, 1, 1}, true},
                            {2, 8, 8, 257, 60, {1, 1, 1, 1}, true},
                            {1, 44, 46, 65, 62, {1, 1, 1, 1}, true}};
  constexpr Activation activations[] = {Activation::none, Activation::silu, Activation::relu, Activation::leaky_relu};
  std::vector<Trial<Conv2dOp>> trials;
  for (const Size& s : sizes) {
    for (const DType type : activation_types) {
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
                           .residual = all || turn % 7 == 0,
                           .upsampled = s.upsampled}});
      }
    }
    for (const auto& each : this->all()) {
      for (const Trial<Conv2dOp>& trial : std::span(trials).last(4)) {
        for (int count = 1; count <= 3; ++count) {  // as the sweep has
          set_threads(count);
          if (!computes(*each, trial.c.x) || suited(*each, trial.c) != trial.c) continue;
          EXPECT_EQ(reason(*each, trial.c), "") << each->name() << " in " << count << ": " << trial.c.text();
        }
      }
    }
  }
  sweep<Conv2dOp>(operations_, trials);
}

TEST_F(CpuWinograd, ResultsAreTheSameInAnyNumberOfThreads) {
  for (const DType type : activation_types) {
    const Case c = convolution(1, 120, 70, 90, type);  // one thread has many groups of tiles, 40 few
    for (const auto& each : all()) {
      if (computes(*each, type)) expect_same_in_any_number_of_threads<Conv2dOp>(*each, {suited(*each, c)});
    }
  }
}

TEST_F(CpuWinograd, PicturesOfAllSizesShareTheirPackedFilters) {
  for (const auto& each : all()) {
    for (const DType type : activation_types) {
      if (!computes(*each, type)) continue;
      set_threads(1);
      const Plan small = planned(*each, suited(*each, convolution(1, 8, 320, 640, type)));
      set_threads(3);
      const Plan large = planned(*each, suited(*each, convolution(2, 64, 320, 640, type)));
      EXPECT_EQ(small.layout, large.layout);
      EXPECT_EQ(small.packed_bytes, std::size_t{320} * 640 * 9 * bytes_of(type)) << "no larger than the filters";
      EXPECT_EQ(small.packed_bytes, large.packed_bytes);
    }
  }
}

// Those that multiply pairs want filters in pairs.
TEST_F(CpuWinograd, LayoutsThatDifferHaveOtherNames) {
  std::map<std::string, std::vector<std::byte>> packed;
  const Case plain = convolution(1, 30, 40, 64, DType::bf16);
  const Trial<Conv2dOp> trial{plain};
  const auto sample = make_sample<Conv2dOp>(trial, 9);
  for (const auto& each : all()) {
    if (!computes(*each, plain.x)) continue;
    const Case c = suited(*each, plain);
    const Plan plan = planned(*each, c);
    std::vector<std::byte> bytes(plan.packed_bytes);
    each->pack(c, plan, *values_source(Problem<Conv2dOp>::weight(c), sample.weight), bytes.data());
    const auto& first = packed.try_emplace(plan.layout, bytes).first->second;
    EXPECT_TRUE(first == bytes) << each->name() << ": " << plan.layout;
  }
}

TEST_F(CpuWinograd, DeclinesSayWhy) {
  for (const auto& each : all()) {
    const DType type = computes(*each, DType::f32) ? DType::f32 : DType::bf16;
    const auto with = [&](auto change) {
      Case c = suited(*each, convolution(2, 32, 320, 320, type));
      change(c);
      return reason(*each, c);
    };
    EXPECT_EQ(with([](Case&) {}), "");
    const bool upsamples = suited(*each, {}).upsampled;
    EXPECT_EQ(with([](Case& c) { c.upsampled = !c.upsampled; }), upsamples ? "upsamples x" : "takes x as it is");
    EXPECT_EQ(with([](Case& c) { c.padding.left = 0; }), upsamples ? "has no padding but 1" : "");
    EXPECT_EQ(with([](Case& c) { c.stride = 2; }), "computes 3 x 3 taps without a stride");
    EXPECT_EQ(with([](Case& c) { c.kernel = 1; }), "computes 3 x 3 taps without a stride");
    EXPECT_EQ(with([](Case& c) { c.activation = Activation::gelu; }), "has no gelu");
    EXPECT_EQ(with([](Case& c) { c.batch = 0; }), "nothing to compute");
    EXPECT_TRUE(with([](Case& c) { c.y = DType::f16; }).ends_with(fmt::format("not {} to f16", name_of(type))));
    const std::string slow = "too small: direct convolution is faster";
    EXPECT_EQ(with([](Case& c) { c.in_channels = 4; }), slow);
    EXPECT_EQ(with([](Case& c) { c.out_channels = 4; }), slow);
    EXPECT_EQ(with([](Case& c) { c.height = c.width = 1; }), slow);
  }
}

}  // namespace
}  // namespace sumi::test
