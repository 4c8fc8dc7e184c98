#include "models/safety_checker.h"

#include <gtest/gtest.h>

#include "models/model.h"
#include "models/reference.h"
#include "nn/on_host.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

SafetyChecker load_safety_checker() {
  const auto folder = model_path("safety-checker");
  const Settings settings(read_json(folder / "config.json"), "safety-checker/config.json");
  const Loader loader(open_checkpoint((folder / "model.safetensors").string()));
  SafetyChecker checker(SafetyCheckerConfig::from(settings), loader);
  loader.finish();
  return checker;
}

class SafetyCheckerAsTheReference : public testing::TestWithParam<std::string> {
 protected:
  SafetyCheckerAsTheReference() {
    for (const float value : reference_.values("input.pictures")) pictures_.push_back(static_cast<std::uint8_t>(value));
  }

  SafetyChecker checker_ = load_safety_checker();
  Reference reference_{"models/safety-checker/expected"};
  std::vector<std::uint8_t> pictures_;
  std::unique_ptr<Backend> backend_ = make_host_backend(GetParam());
};

TEST_P(SafetyCheckerAsTheReference, Embeds) {
  const auto actual = run(*backend_, [&](Context& ctx) { return checker_.embed(ctx, pictures_); });
  const auto expected = reference_.values("embedding");
  EXPECT_LT(largest_difference(actual, expected), 5e-6 * largest(expected));
}

// One is fit, one is unfit because a special concept raised another's score, one is unfit by itself.
TEST_P(SafetyCheckerAsTheReference, Judges) {
  std::vector<SafetyChecker::Verdict> verdicts;
  run(*backend_, [&](Context& ctx) {
    verdicts = checker_(ctx, pictures_);
    return ctx.tensor({1}, DType::f32);
  });
  const auto concepts = reference_.values("concepts"), special = reference_.values("special");
  const auto unfit = reference_.values("unfit");
  ASSERT_EQ(verdicts.size(), unfit.size());
  std::vector<float> actual_concepts, actual_special;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    EXPECT_EQ(verdicts[i].unfit, unfit[i] != 0) << i;
    actual_concepts.insert(actual_concepts.end(), verdicts[i].concept_scores.begin(), verdicts[i].concept_scores.end());
    actual_special.insert(actual_special.end(), verdicts[i].special_scores.begin(), verdicts[i].special_scores.end());
  }
  // A thousandth where the last digit was a tie.
  EXPECT_LT(largest_difference(actual_concepts, concepts), 1.1e-3);
  EXPECT_LT(largest_difference(actual_special, special), 1.1e-3);
}

INSTANTIATE_TEST_SUITE_P(Backends, SafetyCheckerAsTheReference, testing::ValuesIn(host_backends()),
                         [](const auto& each) { return each.param; });

TEST(SafetyChecker, TakesPicturesOfItsSizeOnly) {
  const SafetyChecker checker = load_safety_checker();
  const auto backend = make_ref_backend();
  expect_error(ErrorCode::internal, "28 x 28", [&] {
    dry_run(*backend, [&](Context& ctx) { return checker.embed(ctx, std::vector<std::uint8_t>(27 * 28 * 3)); });
  });
}

TEST(SafetyCheckerConfig, NeedsItsPartOnPictures) {
  expect_error(ErrorCode::bad_file, "vision_config", [] {
    SafetyCheckerConfig::from(Settings(Json{{"projection_dim", 16}}, "config.json"));
  });
}

}  // namespace
}  // namespace sumi::test
