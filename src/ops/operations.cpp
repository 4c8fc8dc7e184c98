#include "ops/operations.h"

namespace sumi {

std::vector<std::string> Operations::names() const {
  std::vector<std::string> names;
  std::apply(
      [&]<class... Ops>(const Entry<Ops>&... entries) {
        const auto add = [&](std::string_view op, const auto& list) {
          for (const auto& implementation : list) names.push_back(fmt::format("{}/{}", op, implementation->name()));
        };
        (add(Ops::name, entries.list), ...);
      },
      entries_);
  return names;
}

void Operations::disable(const std::string& name) {
  const auto all = names();
  const bool known = std::any_of(all.begin(), all.end(), [&](const std::string& each) {
    return each == name || each.substr(each.find('/') + 1) == name;
  });
  check(known, ErrorCode::usage, "disable: no implementation is called '{}'; `sumi doctor` lists them", name);
  check(name != "ref" && !name.ends_with("/ref"), ErrorCode::usage,
        "disable: 'ref' is the definition of every op and cannot be turned off");
  const bool added = disabled_.insert(name).second;
  std::apply(
      [&]<class... Ops>(const Entry<Ops>&... entries) {
        const auto check_left = [&](std::string_view op, const auto& list) {
          const bool left =
              std::any_of(list.begin(), list.end(), [&](const auto& each) { return !disabled(op, each->name()); });
          if (left || list.empty()) return;
          if (added) disabled_.erase(name);
          fail(ErrorCode::usage, "disable: without '{}' nothing computes {}", name, op);
        };
        (check_left(Ops::name, entries.list), ...);
      },
      entries_);
  forget_choices();
}

void Operations::prefer(const std::string& prefix) {
  bool known = false;
  std::apply(
      [&](auto&... entries) {
        const auto put_first = [&](auto& list) {
          const auto rest = std::stable_partition(list.begin(), list.end(),
                                                  [&](const auto& each) { return each->name().starts_with(prefix); });
          known = known || rest != list.begin();
        };
        (put_first(entries.list), ...);
      },
      entries_);
  check(known, ErrorCode::usage, "compare: no implementation's name begins with '{}'; `sumi doctor` lists them",
        prefix);
  forget_choices();
}

}  // namespace sumi
