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

/// A tensor plus the changes that were last set; without any, exactly the tensor. The sum is made while a weight is
/// packed, tile by tile in the thread that reads, so it takes no memory but the factors of one layer. Changes that are
/// products may stand beside the tensor instead, for its layer to add.
class AdaptedSource final : public Source {
 public:
  explicit AdaptedSource(SourcePtr original);

  void read(std::int64_t first, std::span<float> out) const override;
  std::uint64_t revision() const override { return revision_; }
  SourcePtr prepared(DType type) const override;
  std::vector<LowRank> beside() const override;

  /// Not while anything reads. The revision grows where the changes are others than before. Where those beside differ
  /// in weight alone, the factors stay what they are and the revisions of their `up` grow.
  void set(std::vector<ScaledChange> changes, std::vector<ScaledChange> beside = {});

 private:
  class Scaled;
  struct Beside {
    ScaledChange use;
    std::shared_ptr<Scaled> up;
  };

  SourcePtr original_;
  std::vector<Beside> beside_;
  std::vector<ScaledChange> changes_;
  std::uint64_t revision_ = 0;
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
