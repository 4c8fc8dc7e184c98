#pragma once

#include <string>

#include <gtest/gtest.h>

#include "backend/cpu/kernels.h"
#include "core/threads.h"

namespace sumi::test {

/// Tests of the implementations that one function of kernels.h adds; they may change the number of threads.
template <class Op>
class Family : public ::testing::Test {
 protected:
  explicit Family(void (*add)(Operations&, Isa)) { add(operations_, usable_isa()); }
  ~Family() override { set_threads(before_); }

  const Operations::List<Op>& all() const { return operations_.list<Op>(); }

  Operations operations_;

 private:
  int before_ = threads();
};

template <class Op>
Plan planned(const Implementation<Op>& implementation, const typename Op::Case& c) {
  return std::get<Plan>(implementation.plan(c));
}

/// Why it declines; empty where it does not.
template <class Op>
std::string reason(const Implementation<Op>& implementation, const typename Op::Case& c) {
  const Decision decision = implementation.plan(c);
  const auto* declined = std::get_if<Declined>(&decision);
  return declined ? declined->reason : "";
}

}  // namespace sumi::test
