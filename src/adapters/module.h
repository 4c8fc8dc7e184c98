#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/adapter.h"
#include "adapters/factors.h"
#include "core/check.h"

namespace sumi {

/// The tensors that a file has for one module, by what they are: "up", "down", "mid", "alpha", "magnitude",
/// "dora_scale", "diff", "diff_b" and "up_bias" of its bias, and LoHa's and LoKr's own names. What makes a change is
/// taken; the rest stays.
class AdapterModule {
 public:
  /// Larger extents than any model has; the product of two of them cannot overflow.
  static constexpr std::int64_t kMostExtent = 1 << 24;

  AdapterModule(std::string where, std::string name, const AlphaRules& alphas)
      : where_(std::move(where)), name_(std::move(name)), alphas_(&alphas) {}

  /// `name` is the tensor's in the file. Error(bad_file) for a second one of a part, or a shape that none has.
  void add(std::string_view part, const std::string& name, SourcePtr tensor);

  /// Nothing where there are no factors; Error(bad_file) for factors that are missing or do not fit each other.
  std::optional<WeightChange> take_change();
  /// After `take_change`, whose scale holds for the bias of its factors.
  std::optional<WeightChange> take_bias_change();
  /// Of the tensors that were not taken.
  std::vector<std::string> names() const;

 private:
  struct Part {
    std::string name;
    SourcePtr tensor;
  };
  /// What a product is called, by its two factors and the core between.
  struct FactorNames {
    std::string_view a, b, core;
  };

  bool has(std::string_view part) const { return parts_.contains(part); }
  SourcePtr take(std::string_view part);
  SourcePtr take_factor(std::string_view part);
  Factors take_factors(const FactorNames& names, bool tucker);
  Factors checked(Factors factors) const;
  double take_scale(std::int64_t rank);
  double ruled_scale(double rank) const;
  void take_magnitude(WeightChange& change);

  WeightChange low_rank();
  WeightChange hadamard();
  WeightChange kronecker();
  WeightChange difference(std::string_view part, double scale);

  template <class... Args>
  [[noreturn]] void reject(fmt::format_string<Args...> text, Args&&... args) const {
    fail(ErrorCode::bad_file, "{}: {}: {}", where_, name_, fmt::format(text, std::forward<Args>(args)...));
  }

  std::string where_, name_;
  const AlphaRules* alphas_;
  double scale_ = 1;  // of the low-rank change that was taken
  std::map<std::string, Part, std::less<>> parts_;
};

}  // namespace sumi
