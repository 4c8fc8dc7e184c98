#include "sweep.h"

namespace sumi::test {
namespace {

template <class Op>
class RefSweep : public ::testing::Test {};
TYPED_TEST_SUITE(RefSweep, AllOpTypes, OpNames);

TYPED_TEST(RefSweep, AgreesWithItselfInEveryType) {
  const auto backend = make_ref_backend();
  sweep<TypeParam>(backend->operations());
}

}  // namespace
}  // namespace sumi::test
