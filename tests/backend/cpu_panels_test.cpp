// What the sweep does not ask of linears by panels: all cases, also those that oneDNN takes on this processor, blocks
// and tails, packed weights, threads.

#include <set>

#include <gtest/gtest.h>

#include "family.h"
#include "linear_trials.h"
#include "sweep.h"

namespace sumi::test {
namespace {

using Case = LinearOp::Case;

class CpuPanels : public Family<LinearOp> {
 protected:
  CpuPanels()
      : Family([](Operations& operations, Isa isa) {
          add_panels(operations, isa, Panels::everywhere);
          add_emulated_panels(operations, isa);
        }) {}
};

TEST_F(CpuPanels, EveryCaseAgreesWithRef) {
  std::vector<Trial<LinearOp>> trials;
  for (const auto& trial : Cases<LinearOp>::all()) {
    if (trial.c.rounding == Rounding::none) trials.push_back(trial);
  }
  sweep<LinearOp>(operations_, trials);
}

// Blocks of rows, groups of panels, pieces of the summed axis: more than one of each, and tails. Odd inputs leave half
// a word of bf16.
TEST_F(CpuPanels, BlocksAndTailsAgreeWithRef) {
  constexpr LinearSize sizes[] = {{1, 257, 31},   {15, 1023, 33}, {113, 63, 65},
                                  {227, 65, 300}, {2000, 61, 17}, {29, 129, 511}};
  sweep<LinearOp>(operations_, linear_trials(sizes));
}

TEST_F(CpuPanels, ResultsAreTheSameInAnyNumberOfThreads) {
  for (const DType type : activation_types) {
    const Trial<LinearOp> trial{{.rows = 500, .in = 91, .out = 700, .x = type, .y = type}};
    for (const auto& each : all()) {
      if (reason(*each, trial.c).empty()) expect_same_in_any_number_of_threads(*each, trial);
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
    const bool pairs = each->name() == "panels-avx512bf16" || each->name() == "panels-pairs-avx512";
    const DType type = pairs ? DType::bf16 : DType::f32;
    const auto with = [&](auto change) {
      Case c{.rows = 64, .in = 320, .out = 320, .x = type, .y = type};
      change(c);
      return reason(*each, c);
    };
    EXPECT_EQ(with([](Case&) {}), "");
    const bool widens = usable_isa() < Isa::avx512bf16;
    const std::string computes = pairs ? "computes bf16" : widens ? "computes f32 and bf16" : "computes f32";
    EXPECT_EQ(with([](Case& c) { c.rounding = Rounding::int8; }), computes);
    EXPECT_EQ(with([&](Case& c) { c.x = c.y = pairs ? DType::f32 : DType::bf16; }), pairs || !widens ? computes : "");
    EXPECT_EQ(with([](Case& c) { c.activation = Activation::tanh; }), "has no tanh");
    EXPECT_EQ(with([](Case& c) { c.rows = 0; }), "nothing to compute");
    EXPECT_EQ(with([](Case& c) { c.x = DType::f16, c.y = DType::f32; }), "takes f32 and bf16, not f16 to f32");
  }
}

TEST(CpuPanelsBesideOneDnn, TakeWhatTheyComputeFaster) {
  Operations operations;
  add_panels(operations, usable_isa(), Panels::where_faster);
  for (const auto& each : operations.list<LinearOp>()) {
    const bool pairs = each->name() == "panels-avx512bf16";
    const DType type = pairs ? DType::bf16 : DType::f32;
    Case c{.rows = 8192, .in = 320, .out = 1280, .x = type, .y = type, .activation = Activation::gelu, .gated = true};
    EXPECT_EQ(reason(*each, c), "");
    c.rows = 512;
    EXPECT_EQ(reason(*each, c), pairs ? "" : "oneDNN is as fast");
    c.rows = 8192;
    c.gated = false;
    EXPECT_EQ(reason(*each, c), "oneDNN is as fast");
  }
}

}  // namespace
}  // namespace sumi::test
