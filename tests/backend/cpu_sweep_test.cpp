#include "backend/cpu/cpu.h"
#include "sweep.h"

namespace sumi::test {
namespace {

template <class Op>
class CpuSweep : public ::testing::Test {};
TYPED_TEST_SUITE(CpuSweep, AllOpTypes, OpNames);

TYPED_TEST(CpuSweep, EveryImplementationAgreesWithRef) {
  const auto backend = make_cpu_backend();
  sweep<TypeParam>(backend->operations());
}

}  // namespace
}  // namespace sumi::test
