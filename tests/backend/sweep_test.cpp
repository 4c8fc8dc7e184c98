// The sweep itself: what it must not let pass.

#include "sweep.h"

#include <gtest/gtest-spi.h>

namespace sumi::test {
namespace {

/// The reference with a mistake added.
template <class Op>
class Mistaken : public Implementation<Op> {
 public:
  std::string_view name() const override { return "mistaken"; }
  Decision plan(const typename Op::Case& c) const override { return ref().plan(c); }
  void pack(const typename Op::Case& c, const Plan& plan, const Source& source, std::byte* to) const override {
    ref().pack(c, plan, source, to);
  }
  void run(const typename Op::Case& c, const Plan& plan, const typename Op::Args& args,
           std::byte* scratch) const override {
    ref().run(c, plan, args, scratch);
    spoil(args, scratch);
  }
  virtual void spoil(const typename Op::Args&, std::byte*) const {}

 protected:
  const Implementation<Op>& ref() const { return *backend_->operations().list<Op>().front(); }

 private:
  std::unique_ptr<Backend> backend_ = make_ref_backend();
};

template <class Op>
std::vector<std::string> failures_of(std::unique_ptr<Implementation<Op>> implementation,
                                     std::vector<Trial<Op>> trials) {
  ::testing::TestPartResultArray results;
  {
    const ::testing::ScopedFakeTestPartResultReporter catcher(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    Operations operations;
    operations.add<Op>(std::move(implementation));
    sweep<Op>(operations, trials);
  }
  std::vector<std::string> texts;
  for (int i = 0; i < results.size(); ++i) texts.emplace_back(results.GetTestPartResult(i).message());
  return texts;
}

template <class Op>
void expect_failure(std::unique_ptr<Implementation<Op>> implementation, std::vector<Trial<Op>> trials,
                    const std::string& text) {
  const auto failures = failures_of<Op>(std::move(implementation), std::move(trials));
  ASSERT_FALSE(failures.empty());
  EXPECT_NE(failures.front().find(text), std::string::npos) << failures.front();
}

const std::vector<Trial<ActivateOp>> activate_trials{
    {{.elements = 100, .x = DType::f32, .y = DType::bf16, .activation = Activation::silu}}};
const Trial<LinearOp> linear_trial{{.rows = 64, .in = 320, .out = 64, .x = DType::bf16, .y = DType::f32}};

TEST(Sweep, PassesWhatIsRight) {
  EXPECT_TRUE(failures_of<ActivateOp>(std::make_unique<Mistaken<ActivateOp>>(), activate_trials).empty());
}

TEST(Sweep, SeesTheLastElementMissing) {
  struct Short final : Mistaken<ActivateOp> {
    void spoil(const ActivateOp::Args& args, std::byte*) const override {
      args.y.data<bf16>()[args.y.elements() - 1].bits = 0xffff;
    }
  };
  expect_failure<ActivateOp>(std::make_unique<Short>(), activate_trials, "at 99 of 100");
}

TEST(Sweep, SeesOneBitTooMany) {
  struct Odd final : Mistaken<ActivateOp> {
    void spoil(const ActivateOp::Args& args, std::byte*) const override { args.y.data<bf16>()[7].bits += 2; }
  };
  expect_failure<ActivateOp>(std::make_unique<Odd>(), activate_trials, "at 7 of 100");
}

TEST(Sweep, SeesACastThatTruncates) {
  struct Truncating final : Mistaken<ActivateOp> {
    void spoil(const ActivateOp::Args& args, std::byte*) const override {
      for (std::int64_t i = 0; i < args.y.elements(); ++i) {
        args.y.data<bf16>()[i].bits =
            static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(args.x.data<float>()[i]) >> 16);
      }
    }
  };
  expect_failure<ActivateOp>(std::make_unique<Truncating>(), {{{.elements = 100, .x = DType::f32, .y = DType::bf16}}},
                             "within 0");
}

#if !defined(__SANITIZE_ADDRESS__)  // which ends the program at the same place
TEST(Sweep, SeesAByteBeyondTheResult) {
  struct Beyond final : Mistaken<ActivateOp> {
    void spoil(const ActivateOp::Args& args, std::byte*) const override { args.y.raw()[args.y.bytes()] = std::byte{0}; }
  };
  expect_failure<ActivateOp>(std::make_unique<Beyond>(), activate_trials, "beyond its memory");
}

TEST(Sweep, SeesAByteBeyondTheScratch) {
  struct Beyond final : Mistaken<ActivateOp> {
    Decision plan(const ActivateOp::Case&) const override { return Plan{.scratch_bytes = 10}; }
    void spoil(const ActivateOp::Args&, std::byte* scratch) const override { scratch[10] = std::byte{0}; }
  };
  expect_failure<ActivateOp>(std::make_unique<Beyond>(), activate_trials, "beyond its memory");
}
#endif

TEST(Sweep, SeesOneInputOfManyLeftOut) {
  struct Forgetful final : Mistaken<LinearOp> {
    void run(const LinearOp::Case& c, const Plan& plan, const LinearOp::Args& args, std::byte* scratch) const override {
      LinearOp::Args less = args;
      Memory memory;
      less.x = memory.converted(args.x, c.x);
      for (std::int64_t row = 0; row < c.rows; ++row) less.x.data<bf16>()[row * c.in + c.in - 1].bits = 0;
      ref().run(c, plan, less, scratch);
    }
  };
  expect_failure<LinearOp>(std::make_unique<Forgetful>(), {linear_trial}, "root mean square");
}

TEST(Sweep, SeesAnImplementationThatNeverRuns) {
  struct Declining final : Mistaken<ActivateOp> {
    Decision plan(const ActivateOp::Case&) const override { return Declined{"too fine a case"}; }
  };
  expect_failure<ActivateOp>(std::make_unique<Declining>(), activate_trials, "too fine a case");
}

TEST(Sweep, ExcusesWhatTheMachineLacks) {
  struct Lacking final : Mistaken<ActivateOp> {
    Decision plan(const ActivateOp::Case&) const override { return Declined{"needs a better machine"}; }
  };
  EXPECT_TRUE(failures_of<ActivateOp>(std::make_unique<Lacking>(), activate_trials).empty());
}

}  // namespace
}  // namespace sumi::test
