#include <gtest/gtest.h>

#include "reference/expectations.h"

namespace sumi::test {
namespace {

using Reference = testing::TestWithParam<std::string>;
class ReferenceRef : public Reference {};
class ReferenceCpu : public Reference {};
class ReferenceCpuBf16 : public Reference {};
class ReferenceApplied : public Reference {};

TEST_P(ReferenceRef, InFloat32) { expect_float32(GetParam(), {"ref", DType::f32}); }
TEST_P(ReferenceCpu, InFloat32) { expect_float32(GetParam(), {"cpu", DType::f32}); }

TEST_P(ReferenceCpuBf16, WithinThreeTimesTheRounding) { expect_narrow(GetParam(), {"cpu", DType::bf16}); }

// Factors beside the weights give what merged ones give.
TEST_P(ReferenceApplied, InFloat32) {
  expect_float32(GetParam(), {"ref", DType::f32, LoraMode::apply});
  expect_float32(GetParam(), {"cpu", DType::f32, LoraMode::apply});
}
TEST_P(ReferenceApplied, InBf16) { expect_narrow(GetParam(), {"cpu", DType::bf16, LoraMode::apply}); }

TEST(ReferenceTable, MergedTokensShowInThePictures) {
  for (const char* name : {"tome-sd1-50", "tome-sd1-30-all"}) {
    Fixture unmerged(name);
    unmerged.ask.erase("tome");
    EXPECT_GT(run(unmerged, {"cpu", DType::f32}).image_rms, 4e-3) << name << " proves nothing";
  }
}

INSTANTIATE_TEST_SUITE_P(All, ReferenceRef, testing::ValuesIn(all_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(All, ReferenceCpu, testing::ValuesIn(device_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(All, ReferenceCpuBf16, testing::ValuesIn(device_cases()), test_name);

INSTANTIATE_TEST_SUITE_P(Loras, ReferenceApplied, testing::ValuesIn(lora_cases()), test_name);

TEST(ReferenceTable, HasEveryCase) { EXPECT_GE(all_cases().size(), 299u); }

}  // namespace
}  // namespace sumi::test
