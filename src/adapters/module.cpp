#include "adapters/module.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "adapters/names.h"

namespace sumi {

void AdapterModule::add(std::string_view part, const std::string& name, SourcePtr tensor) {
  const Shape& shape = tensor->shape();
  std::int64_t columns = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    const std::int64_t extent = shape[i];
    columns *= i == 0 ? 1 : extent;
    if (extent < 1 || extent > kMostExtent || columns > kMostExtent) {
      fail(ErrorCode::bad_file, "{}: {}: no adapter has a tensor of shape {}", where_, name, shape.text());
    }
  }
  if (!parts_.emplace(part, Part{name, std::move(tensor)}).second) reject("two tensors are its {}", part);
}

std::optional<WeightChange> AdapterModule::take_change() {
  const auto any = [&](auto... parts) { return (has(parts) || ...); };
  std::optional<WeightChange> change;
  if (any("up", "down", "mid")) {
    change = low_rank();
  } else if (any("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")) {
    change = hadamard();
  } else if (any("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b")) {
    change = kronecker();
  } else if (has("diff")) {
    take("alpha");  // trainers write one, it means nothing without a rank
    change = difference("diff", 1);
  }
  if (change) take_magnitude(*change);
  return change;
}

std::optional<WeightChange> AdapterModule::take_bias_change() {
  if (has("diff_b")) return difference("diff_b", 1);
  if (has("up_bias")) return difference("up_bias", scale_);
  return std::nullopt;
}

std::vector<std::string> AdapterModule::names() const {
  std::vector<std::string> names;
  for (const auto& [part, tensor] : parts_) names.push_back(tensor.name);
  return names;
}

SourcePtr AdapterModule::take(std::string_view part) {
  const auto found = parts_.find(part);
  if (found == parts_.end()) return nullptr;
  SourcePtr tensor = std::move(found->second.tensor);
  parts_.erase(found);
  return tensor;
}

SourcePtr AdapterModule::take_factor(std::string_view part) {
  SourcePtr tensor = take(part);
  if (!tensor) reject("{} is missing", part);
  if (tensor->shape().rank() == 0) reject("{} is a single number", part);
  return tensor;
}

/// LoHa and LoKr lay the first factor of a Tucker decomposition the other way round, LoCon does not.
Factors AdapterModule::take_factors(const FactorNames& names, bool tucker) {
  Factors factors{.a = take_factor(names.a), .b = take_factor(names.b)};
  if (has(names.core)) {
    factors.core = take_factor(names.core);
    factors.a_transposed = tucker;
  }
  return checked(std::move(factors));
}

Factors AdapterModule::checked(Factors factors) const {
  if (const std::string problem = factors.problem(); !problem.empty()) reject("{}", problem);
  if (factors.columns() > kMostExtent) reject("a change of {} columns", factors.columns());
  return factors;
}

/// alpha / rank; 1 without an alpha, and where a change has no rank.
double AdapterModule::take_scale(std::int64_t rank) {
  const SourcePtr alpha = take("alpha");
  if (rank == 0) return 1;
  const auto size = static_cast<double>(rank);
  if (!alpha) return ruled_scale(size);
  if (alpha->shape().elements() != 1) reject("alpha has the shape {}", alpha->shape().text());
  const double value = read_all(*alpha).front();
  if (!std::isfinite(value)) reject("alpha is not a number");
  return value / size;
}

double AdapterModule::ruled_scale(double rank) const {
  const ModulePlace place = place_of(name_);
  auto rule = alphas_->find(place.component);
  if (rule == alphas_->end()) rule = alphas_->find("");
  return rule == alphas_->end() ? 1 : rule->second.scale(place.name, rank);
}

WeightChange AdapterModule::low_rank() {
  const Factors factors = take_factors({"up", "down", "mid"}, false);
  const double scale = scale_ = take_scale(factors.rank());
  return {.rows = factors.rows(),
          .columns = factors.columns(),
          .delta = [=](DType type) { return low_rank_delta(factors, scale, type); },
          .product = WeightChange::Product{factors.right_source(), factors.a, scale}};
}

WeightChange AdapterModule::hadamard() {
  const Factors first = take_factors({"hada_w1_a", "hada_w1_b", "hada_t1"}, true);
  const Factors second = take_factors({"hada_w2_a", "hada_w2_b", "hada_t2"}, true);
  if (first.rows() != second.rows() || first.columns() != second.columns()) {
    reject("its products are {}x{} and {}x{}", first.rows(), first.columns(), second.rows(), second.columns());
  }
  const double scale = take_scale(first.rank());
  return {.rows = first.rows(), .columns = first.columns(), .delta = [=](DType type) {
            return hadamard_delta(first, second, scale, type);
          }};
}

WeightChange AdapterModule::kronecker() {
  const auto factors = [&](std::string_view whole, const FactorNames& names) {
    return has(whole) ? checked({.a = take_factor(whole)}) : take_factors(names, true);
  };
  const Factors outer = factors("lokr_w1", {"lokr_w1_a", "lokr_w1_b", ""});
  const Factors inner = factors("lokr_w2", {"lokr_w2_a", "lokr_w2_b", "lokr_t2"});
  const std::int64_t rows = outer.rows() * inner.rows(), columns = outer.columns() * inner.columns();
  if (rows > kMostExtent || columns > kMostExtent) reject("a change of {}x{}", rows, columns);
  const double scale = take_scale(inner.rank() ? inner.rank() : outer.rank());
  return {.rows = rows, .columns = columns, .delta = [=](DType) { return kronecker_delta(outer, inner, scale); }};
}

WeightChange AdapterModule::difference(std::string_view part, double scale) {
  const Factors whole = checked({.a = take_factor(part)});
  return {.rows = whole.rows(), .columns = whole.columns(), .delta = [=](DType) {
            return difference_delta(whole.a, scale);
          }};
}

/// One magnitude for each row; kohya's may lie along the columns instead: one for each input channel.
void AdapterModule::take_magnitude(WeightChange& change) {
  const bool peft = has("magnitude");
  if (!peft && !has("dora_scale")) return;
  change.product.reset();
  change.magnitude = take_factor(peft ? "magnitude" : "dora_scale");
  const Shape& shape = change.magnitude->shape();
  const std::int64_t count = shape.elements();
  const bool columns = !peft && shape.rank() > 1 && shape[0] == 1 && shape[1] == count && change.rows > 1;
  change.norm = columns ? WeightChange::Norm::columns : WeightChange::Norm::rows;
  if (columns ? change.columns % count != 0 : change.rows != count) {
    reject("magnitudes of {} for a change of {}x{}", shape.text(), change.rows, change.columns);
  }
}

}  // namespace sumi
