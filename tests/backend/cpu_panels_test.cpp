// What the sweep does not ask of linears by panels: all cases, also those that oneDNN takes on this processor, blocks
// and tails, packed weights, threads.

#include <set>

#include <gtest/gtest.h>

#include "family.h"
#include "sweep.h"

namespace sumi::test {
namespace {

using Case = LinearOp::Case;

class CpuPanels : public Family<LinearOp> {
 protected:
  CpuPanels() : Family([](Operations& operations, Isa isa) { add_panels(operations, isa, Panels::everywhere); }) {}
};

TEST_F(CpuPanels, EveryCaseAgreesWithRef) {
  std::vector<Trial<LinearOp>> trials;
  for (const auto& trial : Cases<LinearOp>::all()) {
    if (!trial.c.int8) trials.push_back(trial);
  }
  sweep<LinearOp>(operations_, trials);
}

// Blocks of rows, groups of panels, pieces of the summed axis: more than one of each, and tails. Odd inputs leave half
// a word of bf16.
TEST_F(CpuPanels, BlocksAndTailsAgreeWithRef) {
  struct Size {
    std::int64_t rows, in, out;
  };
  constexpr Size sizes[] = {{1, 257, 31},   {15, 1023, 33}, {113, 63, 65},
                            {227, 65, 300}, {2000, 61, 17}, {29, 129, 511}};
  std::vector<Trial<LinearOp>> trials;
  for (const Size& s : sizes) {
    for (const DType type : {DType::f32, DType::bf16}) {
      for (const bool gated : {false, true}) {
        const std::size_t turn = trials.size();
        trials.push_back({{.rows = s.rows,
                           .in = s.in,
                           .out = s.out,
                           .x = type,
                           .y = type,
                           .activation = gated           ? Activation::gelu
                                         : turn % 3 == 0 ? Activation::silu
                                                         : Activation::none,
                           .gated = gated,
                           .bias = turn % 4 != 1,
                           .residual = turn % 5 < 2}});
      }
    }
  }
  sweep<LinearOp>(operations_, trials);
}

TEST_F(CpuPanels, ResultsAreTheSameInAnyNumberOfThreads) {
  for (const DType type : {DType::f32, DType::bf16}) {
    const Trial<LinearOp> trial{{.rows = 500, .in = 91, .out = 700, .x = type, .y = type}};
    const auto sample = make_sample<LinearOp>(trial, 8);
    for (const auto& each : all()) {
      if (!reason(*each, trial.c).empty()) continue;
      set_threads(1);
      const Values alone = run_guarded<LinearOp>(*each, planned(*each, trial.c), sample);
      EXPECT_FALSE(alone.empty());
      for (const int count : {2, 3, 7, 40}) {
        set_threads(count);
        const Plan plan = planned(*each, trial.c);
        EXPECT_EQ(run_guarded<LinearOp>(*each, plan, sample), alone) << each->name() << " in " << count;
        set_threads(1);  // with memory for more
        EXPECT_EQ(run_guarded<LinearOp>(*each, plan, sample), alone) << each->name() << " planned for " << count;
      }
    }
  }
}

TEST_F(CpuPanels, AllNumbersOfRowsShareWeightsOfTheTypeOfX) {
  for (const auto& each : all()) {
    for (const DType type : {DType::f32, DType::bf16}) {
      std::set<std::string> layouts;
      Case c{.rows = 1, .in = 320, .out = 640, .x = type, .y = type};
      if (!reason(*each, c).empty()) continue;
      for (const int count : {1, 3}) {
        set_threads(count);
        for (const std::int64_t rows : {1, 64, 8192}) {
          c.rows = rows;
          const Plan plan = planned(*each, c);
          layouts.insert(plan.layout);
          EXPECT_EQ(plan.packed_bytes, std::size_t{640} * 320 * bytes_of(type));
          EXPECT_EQ(plan.packed_type, type);
        }
      }
      EXPECT_EQ(layouts.size(), 1) << each->name();
      c.gated = true;
      EXPECT_FALSE(layouts.contains(planned(*each, c).layout)) << "values and gates lie side by side";
    }
  }
}

TEST_F(CpuPanels, DeclinesSayWhy) {
  for (const auto& each : all()) {
    const auto with = [&](auto change) {
      Case c{.rows = 64, .in = 320, .out = 320};
      change(c);
      return reason(*each, c);
    };
    EXPECT_EQ(with([](Case&) {}), "");
    EXPECT_EQ(with([](Case& c) { c.int8 = true; }), "computes float32");
    EXPECT_EQ(with([](Case& c) { c.activation = Activation::tanh; }), "has no tanh");
    EXPECT_EQ(with([](Case& c) { c.rows = 0; }), "nothing to compute");
    EXPECT_EQ(with([](Case& c) { c.x = DType::f16; }), "takes f32 and bf16, not f16 to f32");
  }
}

TEST(CpuPanelsBesideOneDnn, TakeWhatTheyComputeFaster) {
  Operations operations;
  add_panels(operations, usable_isa(), Panels::where_faster);
  for (const auto& each : operations.list<LinearOp>()) {
    Case c{.rows = 8192, .in = 320, .out = 1280, .activation = Activation::gelu, .gated = true};
    EXPECT_EQ(reason(*each, c), "");
    c.rows = 512;
    EXPECT_EQ(reason(*each, c), "oneDNN is as fast");
    c.rows = 8192;
    c.gated = false;
    EXPECT_EQ(reason(*each, c), "oneDNN is as fast");
  }
}

}  // namespace
}  // namespace sumi::test
