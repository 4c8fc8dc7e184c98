#pragma once

#include "ops/operations.h"

namespace sumi::test {

struct Count {
  int planned = 0, packed = 0, ran = 0;
};

/// An implementation that does what it is told and counts.
template <class Op>
class Fake : public Implementation<Op> {
 public:
  Fake(std::string name, Decision decision, Count* count = nullptr)
      : name_(std::move(name)), decision_(std::move(decision)), count_(count) {}

  std::string_view name() const override { return name_; }
  Decision plan(const typename Op::Case&) const override {
    if (count_) ++count_->planned;
    return decision_;
  }
  void pack(const typename Op::Case&, const Plan& plan, const Source&, std::byte* to) const override {
    if (count_) ++count_->packed;
    for (std::size_t i = 0; i < plan.packed_bytes; ++i) to[i] = static_cast<std::byte>(name_.back());
  }
  void run(const typename Op::Case&, const Plan&, const typename Op::Args&, std::byte*) const override {
    if (count_) ++count_->ran;
  }

 private:
  std::string name_;
  Decision decision_;
  Count* count_;
};

}  // namespace sumi::test
