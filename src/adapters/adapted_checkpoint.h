#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/change.h"
#include "weights/checkpoint.h"

namespace sumi {

/// A change as often as it is wanted.
struct ScaledChange {
  std::shared_ptr<const WeightChange> change;
  double weight = 1;
  bool operator==(const ScaledChange&) const = default;
};

/// Changes that are products, as factors. Where others differ in weight alone, the factors stay what they are and the
/// revisions of their `up` grow.
class ScaledProducts {
 public:
  void set(const std::vector<ScaledChange>& uses);
  std::vector<LowRank> factors() const;

 private:
  class Scaled;
  struct Product {
    ScaledChange use;
    std::shared_ptr<Scaled> up;
  };
  std::vector<Product> products_;
};

/// A tensor plus the changes that were last set; without any, exactly the tensor. The sum is made while a weight is
/// packed, tile by tile in the thread that reads, so it takes no memory but the factors of one layer; or on the device
/// (`sum`). Changes that are products may stand beside the tensor instead, for its layer to add.
class AdaptedSource final : public Source {
 public:
  explicit AdaptedSource(SourcePtr original);

  void read(std::int64_t first, std::span<float> out) const override;
  std::uint64_t revision() const override;
  SourcePtr prepared(DType type) const override;
  std::vector<LowRank> beside() const override { return beside_.factors(); }
  LowRankSum sum() const override;

  /// Not while anything reads. The revision grows where the changes are others than before.
  void set(std::vector<ScaledChange> changes, const std::vector<ScaledChange>& beside = {});

 private:
  class Changed;
  std::shared_ptr<Changed> all_, base_;  ///< with all changes, and with those that are no products
  ScaledProducts merged_, beside_;
};

/// A checkpoint whose tensors adapters can change at any time between runs.
class AdaptedCheckpoint final : public Checkpoint {
 public:
  using Adapted = std::map<std::string, std::shared_ptr<AdaptedSource>, std::less<>>;

  explicit AdaptedCheckpoint(CheckpointPtr original);

  SourcePtr want(std::string_view name, const Shape& shape) override;
  /// All tensors; of a synthetic checkpoint those asked for so far.
  const Adapted& adapted() const { return adapted_; }

 private:
  AdaptedCheckpoint(CheckpointPtr original, Adapted adapted);

  CheckpointPtr original_;
  Adapted adapted_;
};

}  // namespace sumi
