#pragma once

#include <string>

#include <gtest/gtest.h>

#include "backend/cpu/kernels.h"
#include "sweep.h"

namespace sumi::test {

/// Tests of the implementations that one function of kernels.h adds; they may change the number of threads.
template <class Op>
class Family : public ::testing::Test {
 protected:
  explicit Family(void (*add)(Operations&, Isa)) { add(operations_, usable_isa()); }
  ~Family() override { set_threads(before_); }
  void SetUp() override {
    if (usable_isa() == Isa::portable) GTEST_SKIP() << "has no kernels";
    ASSERT_FALSE(all().empty());
  }

  const Operations::List<Op>& all() const { return operations_.list<Op>(); }

  Operations operations_;

 private:
  int before_ = threads();
};

template <class Op>
Plan planned(const Implementation<Op>& implementation, const typename Op::Case& c) {
  Decision decision = implementation.plan(c);
  if (const auto* declined = std::get_if<Declined>(&decision)) ADD_FAILURE() << c.text() << ": " << declined->reason;
  return std::get<Plan>(decision);
}

/// Why it declines; empty where it does not.
template <class Op>
std::string reason(const Implementation<Op>& implementation, const typename Op::Case& c) {
  const Decision decision = implementation.plan(c);
  const auto* declined = std::get_if<Declined>(&decision);
  return declined ? declined->reason : "";
}

/// Bit for bit, also where it was planned for more threads than run. Within a Family, which restores their number.
template <class Op>
void expect_same_in_any_number_of_threads(const Implementation<Op>& implementation, const Trial<Op>& trial) {
  const auto sample = make_sample<Op>(trial, 8);
  set_threads(1);
  const Values alone = run_guarded<Op>(implementation, planned(implementation, trial.c), sample);
  EXPECT_FALSE(alone.empty());
  for (const int count : {2, 3, 7, 40}) {
    set_threads(count);
    const Plan plan = planned(implementation, trial.c);
    EXPECT_EQ(run_guarded<Op>(implementation, plan, sample), alone) << implementation.name() << " in " << count;
    set_threads(1);
    EXPECT_EQ(run_guarded<Op>(implementation, plan, sample), alone)
        << implementation.name() << " planned for " << count;
  }
}

}  // namespace sumi::test
