// The ordered lists: who is chosen, who is left out, and what is said about it.

#include "ops/operations.h"

#include <gtest/gtest.h>

#include "fake.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

using Op = ActivateOp;
const Op::Case a_case{.elements = 8, .activation = Activation::silu};

template <class AnyOp = Op>
std::unique_ptr<Fake<AnyOp>> fake(const std::string& name, Decision decision = Plan{}, Count* count = nullptr) {
  return std::make_unique<Fake<AnyOp>>(name, std::move(decision), count);
}

TEST(Operations, ChoosesTheFirstThatTakesTheCase) {
  Operations operations;
  operations.add<Op>(fake("proud", Declined{"too small"}));
  operations.add<Op>(fake("fast", Plan{.scratch_bytes = 64}));
  operations.add<Op>(fake("ref"));
  const auto& chosen = operations.choose<Op>(a_case);
  EXPECT_EQ(chosen.implementation->name(), "fast");
  EXPECT_EQ(chosen.plan.scratch_bytes, 64u);
}

TEST(Operations, RemembersItsChoicePerCase) {
  Operations operations;
  Count count;
  operations.add<Op>(fake("fast", Plan{}, &count));
  const auto* first = &operations.choose<Op>(a_case);
  EXPECT_EQ(&operations.choose<Op>(a_case), first);
  EXPECT_EQ(count.planned, 1);
  operations.choose<Op>({.elements = 9, .activation = Activation::silu});
  operations.choose<Op>({.elements = 8, .activation = Activation::gelu});
  EXPECT_EQ(count.planned, 3);
}

TEST(Operations, GivesEveryReasonWhereNoneTakesTheCase) {
  Operations operations;
  operations.add<Op>(fake("a", Declined{"needs AVX-512"}));
  operations.add<Op>(fake("b", Declined{"8 elements are too few"}));
  expect_error(ErrorCode::unsupported,
               "activate: nothing computes 8 f32 -> f32 silu; a: needs AVX-512; b: 8 elements are too few",
               [&] { operations.choose<Op>(a_case); });
}

TEST(Operations, LeavesOutWhatIsDisabled) {
  Operations operations;
  operations.add<Op>(fake("fast"));
  operations.add<Op>(fake("ref"));
  operations.add<GuideOp>(fake<GuideOp>("fast"));
  operations.add<GuideOp>(fake<GuideOp>("ref"));
  EXPECT_EQ(operations.choose<Op>(a_case).implementation->name(), "fast");
  operations.disable("activate/fast");
  EXPECT_EQ(operations.choose<Op>(a_case).implementation->name(), "ref");
  EXPECT_EQ(operations.choose<GuideOp>({.batch = 1, .elements = 4}).implementation->name(), "fast");
  operations.disable("fast");
  EXPECT_EQ(operations.choose<GuideOp>({.batch = 1, .elements = 4}).implementation->name(), "ref");
}

TEST(Operations, RefusesToDisableWhatIsNotThereOrNeeded) {
  Operations operations;
  operations.add<Op>(fake("fast"));
  operations.add<Op>(fake("slow"));
  operations.add<GuideOp>(fake<GuideOp>("ref"));
  for (const char* name : {"fats", "guide/fast", "activate", "activate/", ""}) {
    expect_error(ErrorCode::usage, fmt::format("disable: no implementation is called '{}'", name),
                 [&] { operations.disable(name); });
  }
  expect_error(ErrorCode::usage, "'ref' is the definition", [&] { operations.disable("ref"); });
  expect_error(ErrorCode::usage, "'ref' is the definition", [&] { operations.disable("guide/ref"); });
  operations.disable("activate/fast");
  expect_error(ErrorCode::usage, "disable: without 'slow' nothing computes activate",
               [&] { operations.disable("slow"); });
  EXPECT_EQ(operations.choose<Op>(a_case).implementation->name(), "slow");
}

TEST(Operations, PrefersByTheBeginningOfNames) {
  Operations operations;
  for (const char* name : {"fast", "other-a", "other-b", "ref"}) operations.add<Op>(fake(name));
  operations.add<GuideOp>(fake<GuideOp>("fast"));
  EXPECT_EQ(operations.choose<Op>(a_case).implementation->name(), "fast");
  operations.prefer("other");
  EXPECT_EQ(operations.choose<Op>(a_case).implementation->name(), "other-a");
  EXPECT_EQ(operations.names(), (std::vector<std::string>{"activate/other-a", "activate/other-b", "activate/fast",
                                                          "activate/ref", "guide/fast"}));
  expect_error(ErrorCode::usage, "no implementation's name begins with 'else'", [&] { operations.prefer("else"); });
}

TEST(Operations, ExplainsEveryDecision) {
  Operations operations;
  operations.add<Op>(fake("proud", Declined{"too small"}));
  operations.add<Op>(fake("fast"));
  operations.add<Op>(fake("slow", Plan{.scratch_bytes = 7}));
  operations.disable("fast");
  const auto decisions = operations.explain<Op>(a_case);
  ASSERT_EQ(decisions.size(), 3u);
  EXPECT_EQ(decisions[0].first, "proud");
  EXPECT_EQ(std::get<Declined>(decisions[0].second).reason, "too small");
  EXPECT_EQ(decisions[1].first, "fast");
  EXPECT_EQ(std::get<Declined>(decisions[1].second).reason, "disabled");
  EXPECT_EQ(std::get<Plan>(decisions[2].second).scratch_bytes, 7u);
}

TEST(Operations, NamesAllInOrder) {
  Operations operations;
  operations.add<Op>(fake("ref"));
  operations.add<LinearOp>(fake<LinearOp>("fast"));
  operations.add<LinearOp>(fake<LinearOp>("ref"));
  EXPECT_EQ(operations.names(), (std::vector<std::string>{"linear/fast", "linear/ref", "activate/ref"}));
}

TEST(Operations, CasesDescribeThemselves) {
  EXPECT_EQ((Conv2dOp::Case{.batch = 2,
                            .height = 64,
                            .width = 32,
                            .in_channels = 4,
                            .out_channels = 320,
                            .stride = 2,
                            .x = DType::bf16,
                            .y = DType::f32,
                            .activation = Activation::silu,
                            .row = true,
                            .residual = true}
                 .text()),
            "2x64x32x4 -> 320, 3x3 / 2 bf16 -> f32 silu +row +residual");
  EXPECT_EQ((LinearOp::Case{.rows = 77, .in = 768, .out = 3072, .activation = Activation::gelu, .gated = true}.text()),
            "77x768 -> 3072 f32 gelu gated");
  EXPECT_EQ(
      (AttentionOp::Case{.batch = 2, .heads = 8, .head_dim = 40, .queries = 77, .keys = 77, .causal = true}.text()),
      "2x8 heads of 40, 77 queries, 77 keys, causal f32");
}

TEST(Operations, CasesCountTheirWork) {
  EXPECT_EQ((Conv2dOp::Case{.batch = 2,
                            .height = 4,
                            .width = 4,
                            .in_channels = 3,
                            .out_channels = 5,
                            .stride = 2,
                            .padding = {1, 1, 1, 1}}
                 .flops()),
            2.0 * (2 * 2 * 2) * 5 * (3 * 9));
  EXPECT_EQ((LinearOp::Case{.rows = 7, .in = 3, .out = 5, .gated = true}.flops()), 2.0 * 7 * 3 * 10);
  EXPECT_EQ((AttentionOp::Case{.batch = 2, .heads = 3, .head_dim = 4, .queries = 5, .keys = 6}.flops()),
            2 * 2.0 * (2 * 3) * 4 * 5 * 6);
}

}  // namespace
}  // namespace sumi::test
