#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/check.h"
#include "ops/all.h"
#include "ops/implementation.h"

namespace sumi {

/// The ordered implementations of every op of one backend, fastest first, the plain one last.
class Operations {
 public:
  template <class Op>
  using List = std::vector<std::unique_ptr<Implementation<Op>>>;

  /// Appends to the list of an op.
  template <class Op>
  void add(std::unique_ptr<Implementation<Op>> implementation) {
    entry<Op>().list.push_back(std::move(implementation));
  }
  template <class Op>
  const List<Op>& list() const {
    return std::get<Entry<Op>>(entries_).list;
  }

  /// Leaves out every implementation called `name` ("flash-avx512") or `op/name` ("attention/flash-avx512").
  /// Error(usage) for a name that no list holds, or that would leave a list empty.
  void disable(const std::string& name);
  /// Puts the implementations whose names begin with `prefix` before all others. Error(usage) if there is none.
  void prefer(const std::string& prefix);
  /// "op/implementation" of all lists, in order.
  std::vector<std::string> names() const;

  /// The first implementation that takes the case; remembered. Error(unsupported) with every reason if none does.
  template <class Op>
  const Chosen<Op>& choose(const typename Op::Case& c) {
    auto& entry = this->entry<Op>();
    if (const auto known = entry.chosen.find(c); known != entry.chosen.end()) return known->second;
    std::string reasons;
    for (const auto& implementation : entry.list) {
      if (disabled(Op::name, implementation->name())) continue;
      Decision decision = implementation->plan(c);
      if (auto* plan = std::get_if<Plan>(&decision)) {
        return entry.chosen.emplace(c, Chosen<Op>{implementation.get(), std::move(*plan)}).first->second;
      }
      reasons += fmt::format("; {}: {}", implementation->name(), std::get<Declined>(decision).reason);
    }
    fail(ErrorCode::unsupported, "{}: nothing computes {}{}", Op::name, c.text(), reasons);
  }

  /// Every implementation of an op with its decision on a case, for `sumi doctor`.
  template <class Op>
  std::vector<std::pair<std::string, Decision>> explain(const typename Op::Case& c) const {
    std::vector<std::pair<std::string, Decision>> decisions;
    for (const auto& implementation : list<Op>()) {
      const bool off = disabled(Op::name, implementation->name());
      decisions.emplace_back(implementation->name(), off ? Declined{"disabled"} : implementation->plan(c));
    }
    return decisions;
  }

 private:
  template <class Op>
  struct Entry {
    List<Op> list;
    std::map<typename Op::Case, Chosen<Op>> chosen;
  };
  template <class>
  struct Entries;
  template <class... Ops>
  struct Entries<OpList<Ops...>> {
    using Tuple = std::tuple<Entry<Ops>...>;
  };

  template <class Op>
  Entry<Op>& entry() {
    return std::get<Entry<Op>>(entries_);
  }
  bool disabled(std::string_view op, std::string_view name) const {
    return disabled_.contains(std::string(name)) || disabled_.contains(fmt::format("{}/{}", op, name));
  }

  void forget_choices() {
    std::apply([](auto&... entries) { (entries.chosen.clear(), ...); }, entries_);
  }

  Entries<AllOps>::Tuple entries_;
  std::set<std::string> disabled_;
};

}  // namespace sumi
