#include <gtest/gtest.h>

#include "reference/expectations.h"
#include "support/gpu.h"

namespace sumi::test {
namespace {

class ReferenceCuda : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!has_gpu()) GTEST_SKIP() << "needs an NVIDIA GPU";
  }
};
class ReferenceCudaBf16 : public ReferenceCuda {};
class ReferenceCudaFp8 : public ReferenceCuda {};
class ReferenceCudaApplied : public ReferenceCuda {};
class ReferenceCudaLimited : public ReferenceCuda {};

TEST_P(ReferenceCuda, InFloat32) { expect_float32(GetParam(), {"cuda", DType::f32}); }
TEST_P(ReferenceCuda, InFloat16) { expect_narrow(GetParam(), {"cuda", DType::f16}); }
TEST_P(ReferenceCudaBf16, InBfloat16) { expect_narrow(GetParam(), {"cuda", DType::bf16}); }
TEST_P(ReferenceCudaFp8, InFloat16) {
  expect_narrow(GetParam(), {.name = "cuda", .type = DType::f16, .rounding = Rounding::fp8});
}
TEST_P(ReferenceCudaApplied, InFloat32) { expect_float32(GetParam(), {"cuda", DType::f32, LoraMode::apply}); }
TEST_P(ReferenceCudaLimited, InFloat16) { expect_same_within_limits(GetParam(), {"cuda", DType::f16}); }

#ifdef SUMI_CUDA_ON_HOST
// All would take the emulation a quarter of an hour a type: one for each part of a model and each kind of step.
std::vector<std::string> cases() {
  return {"controlnet-sd1-window",
          "deepcache-sd1-3-2",
          "inpaint-sd1-9ch",
          "lora-kohya",
          "lora-locon",
          "pix2pix-sd1",
          "taesd",
          "text-sd1",
          "text-sd2",
          "tome-sd1-50",
          "txt2img-sd1-euler-a",
          "txt2img-sd1-dpmpp-2m",
          "txt2img-sd2",
          "txt2img-lcm",
          "txt2img-sd1-wide",
          "txt2img-sdxl-turbo-4",
          "vae-decode",
          "vae-encode-tiled"};
}
std::vector<std::string> bf16_cases() { return {"txt2img-sd1-odd-latent", "text-sd1", "vae-decode"}; }
std::vector<std::string> fp8_cases() { return {"controlnet-sd1-window", "lora-kohya", "txt2img-sd2"}; }
std::vector<std::string> applied_cases() { return {"lora-peft"}; }
std::vector<std::string> limited_cases() { return {"controlnet-sd1-window", "deepcache-sd1-3-2"}; }
#else
std::vector<std::string> cases() { return device_cases(); }
std::vector<std::string> bf16_cases() { return device_cases(); }
std::vector<std::string> fp8_cases() { return pipeline_cases(); }
std::vector<std::string> applied_cases() { return lora_cases(); }
std::vector<std::string> limited_cases() { return device_cases(); }
#endif

INSTANTIATE_TEST_SUITE_P(Cases, ReferenceCuda, testing::ValuesIn(cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Cases, ReferenceCudaBf16, testing::ValuesIn(bf16_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Cases, ReferenceCudaFp8, testing::ValuesIn(fp8_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Cases, ReferenceCudaLimited, testing::ValuesIn(limited_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Loras, ReferenceCudaApplied, testing::ValuesIn(applied_cases()), test_name);

}  // namespace
}  // namespace sumi::test
