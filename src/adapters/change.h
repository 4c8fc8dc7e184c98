#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/source.h"

namespace sumi {

/// A change of a weight with its factors at hand in float32, held while the weight is packed.
class Delta {
 public:
  virtual ~Delta() = default;
  /// Adds `scale` times the change to the tile at `out`, whose rows are `stride` values apart. From any thread.
  virtual void add(const Tile& tile, float scale, float* out, std::int64_t stride) const = 0;
};
using DeltaPtr = std::unique_ptr<const Delta>;

/// What an adapter does to one weight: the factors of a change, as they lie in its file.
struct WeightChange {
  /// How a change with a magnitude is put (DoRA, Liu et al. 2024): the sum of weight and change is brought to this
  /// norm.
  enum class Norm { none, rows, columns };

  std::int64_t rows = 0, columns = 0;  ///< of the weight as a matrix, at most 2^24 each
  /// Before any magnitude, as precise as weights that are rounded to the type ask for.
  std::function<DeltaPtr(DType)> delta;
  Norm norm = Norm::none;  ///< of every row, or of every input channel: `columns` / its values each
  SourcePtr magnitude;     ///< with `norm`

  /// scale * up down: the whole change, where it is that and nothing else.
  struct Product {
    SourcePtr down, up;  ///< (rank, columns) and (rows, rank), trailing axes as may be
    double scale;
  };
  std::optional<Product> product;

  /// The whole change of `weight`: with a magnitude m, m (W + D) / |W + D| - W.
  DeltaPtr of(SourcePtr weight, DType type) const;
};

}  // namespace sumi
