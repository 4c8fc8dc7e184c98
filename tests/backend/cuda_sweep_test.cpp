#include "backend/cuda/cuda.h"
#include "device_memory.h"
#include "support/gpu.h"

namespace sumi::test {
namespace {

template <class Op>
class CudaSweep : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_gpu()) GTEST_SKIP() << "needs an NVIDIA GPU";
  }
};
TYPED_TEST_SUITE(CudaSweep, AllOpTypes, OpNames);

/// The trials of an op, and those in bfloat16 again in float16.
template <class Op>
std::vector<Trial<Op>> trials_in_all_types() {
  std::vector<Trial<Op>> trials = Cases<Op>::all();
  for (std::size_t i = 0, count = trials.size(); i < count; ++i) {
    Trial<Op> trial = trials[i];
    bool narrow = false;
    const auto change = [&](DType& type) {
      if (type == DType::bf16) type = DType::f16, narrow = true;
    };
    if constexpr (requires { trial.c.x; }) change(trial.c.x);
    if constexpr (requires { trial.c.y; }) change(trial.c.y);
    if (narrow) trials.push_back(trial);
  }
  return trials;
}

TYPED_TEST(CudaSweep, EveryImplementationAgreesWithRef) {
  const auto backend = make_cuda_backend();
  const std::vector<Trial<TypeParam>> trials = trials_in_all_types<TypeParam>();
  sweep<TypeParam>(backend->operations(), std::span(trials),
                   [&](const auto&... arguments) { return run_on_device<TypeParam>(*backend, arguments...); });
}

}  // namespace
}  // namespace sumi::test
