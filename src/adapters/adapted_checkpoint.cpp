#include "adapters/adapted_checkpoint.h"

#include <algorithm>
#include <span>
#include <utility>

namespace sumi {
namespace {

/// A tensor plus changes whose factors are at hand.
class ChangedSource final : public Source {
 public:
  struct Part {
    DeltaPtr delta;
    float weight;
  };

  ChangedSource(SourcePtr original, std::vector<Part> parts)
      : Source(original->shape(), original->stored()), original_(std::move(original)), parts_(std::move(parts)) {}

  void read_tile(const Tile& tile, float* out, std::int64_t stride) const override {
    original_->read_tile(tile, out, stride);
    for (const Part& part : parts_) part.delta->add(tile, part.weight, out, stride);
  }

  void read(std::int64_t first, std::span<float> out) const override { read_by_tiles(*this, first, out); }

 private:
  SourcePtr original_;
  std::vector<Part> parts_;
};

/// Of a change that is a product.
double scale_of(const ScaledChange& use) { return use.change->product->scale * use.weight; }

AdaptedCheckpoint::Adapted adapted_of(const TensorMap& tensors) {
  AdaptedCheckpoint::Adapted adapted;
  for (const auto& [name, source] : tensors) adapted.emplace(name, std::make_shared<AdaptedSource>(source));
  return adapted;
}

}  // namespace

/// A matrix times a number that can change.
class ScaledProducts::Scaled final : public Source {
 public:
  Scaled(SourcePtr matrix, double scale)
      : Source({matrix->shape()[0], columns_of(matrix->shape())}, DType::f32),
        matrix_(std::move(matrix)),
        scale_(static_cast<float>(scale)) {}

  void read(std::int64_t first, std::span<float> out) const override {
    matrix_->read(first, out);
    for (float& value : out) value *= scale_;
  }
  std::uint64_t revision() const override { return revision_; }
  void set(double scale) {
    scale_ = static_cast<float>(scale);
    ++revision_;
  }

 private:
  SourcePtr matrix_;
  float scale_;
  std::uint64_t revision_ = 0;
};

void ScaledProducts::set(const std::vector<ScaledChange>& uses) {
  const auto same = [](const Product& each, const ScaledChange& use) { return each.use.change == use.change; };
  if (!std::equal(products_.begin(), products_.end(), uses.begin(), uses.end(), same)) {
    products_.clear();
    for (const ScaledChange& use : uses) {
      products_.push_back({use, std::make_shared<Scaled>(use.change->product->up, scale_of(use))});
    }
  }
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (products_[i].use == uses[i]) continue;
    products_[i].up->set(scale_of(uses[i]));
    products_[i].use = uses[i];
  }
}

std::vector<LowRank> ScaledProducts::factors() const {
  std::vector<LowRank> factors;
  for (const auto& [use, up] : products_) factors.push_back({.row = 0, .down = use.change->product->down, .up = up});
  return factors;
}

/// A tensor plus changes that can be others.
class AdaptedSource::Changed final : public Source {
 public:
  explicit Changed(SourcePtr original)
      : Source(original->shape(), original->stored()), original_(std::move(original)) {}

  void set(std::vector<ScaledChange> changes) {
    if (changes == changes_) return;
    changes_ = std::move(changes);
    ++revision_;
  }
  void read(std::int64_t first, std::span<float> out) const override {
    if (changes_.empty()) return original_->read(first, out);
    prepared(DType::f32)->read(first, out);
  }
  std::uint64_t revision() const override { return revision_; }
  SourcePtr prepared(DType type) const override {
    if (changes_.empty()) return original_->prepared(type);
    const SourcePtr original = sumi::prepared(original_, type);
    std::vector<ChangedSource::Part> parts;
    for (const auto& [change, weight] : changes_)
      parts.push_back({change->of(original, type), static_cast<float>(weight)});
    return std::make_shared<ChangedSource>(original, std::move(parts));
  }

 private:
  SourcePtr original_;
  std::vector<ScaledChange> changes_;
  std::uint64_t revision_ = 0;
};

AdaptedSource::AdaptedSource(SourcePtr original)
    : Source(original->shape(), original->stored()),
      all_(std::make_shared<Changed>(original)),
      base_(std::make_shared<Changed>(original)) {}

std::uint64_t AdaptedSource::revision() const { return all_->revision(); }

SourcePtr AdaptedSource::prepared(DType type) const { return all_->prepared(type); }

void AdaptedSource::read(std::int64_t first, std::span<float> out) const { all_->read(first, out); }

LowRankSum AdaptedSource::sum() const { return {base_, merged_.factors()}; }

void AdaptedSource::set(std::vector<ScaledChange> changes, const std::vector<ScaledChange>& beside) {
  std::vector<ScaledChange> products, others;
  for (const ScaledChange& use : changes) (use.change->product ? products : others).push_back(use);
  merged_.set(products);
  base_->set(std::move(others));
  all_->set(std::move(changes));
  beside_.set(beside);
}

AdaptedCheckpoint::AdaptedCheckpoint(CheckpointPtr original)
    : AdaptedCheckpoint(original, adapted_of(original->tensors())) {}

AdaptedCheckpoint::AdaptedCheckpoint(CheckpointPtr original, Adapted adapted)
    : Checkpoint(original->where(), TensorMap(adapted.begin(), adapted.end())),
      original_(std::move(original)),
      adapted_(std::move(adapted)) {}

SourcePtr AdaptedCheckpoint::want(std::string_view name, const Shape& shape) {
  if (SourcePtr known = find(name)) return known;
  SourcePtr source = original_->want(name, shape);
  if (!source) return nullptr;
  const auto adapted = std::make_shared<AdaptedSource>(std::move(source));
  adapted_.emplace(name, adapted);
  return add(name, adapted);
}

}  // namespace sumi
