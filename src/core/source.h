#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"

namespace sumi {

class Source;
using SourcePtr = std::shared_ptr<const Source>;

/// Factors beside a weight: its layer adds up (down x) to the rows from `row` on of what the weight gives.
struct LowRank {
  std::int64_t row = 0;
  SourcePtr down;  ///< (rank, the weight's other axes)
  SourcePtr up;    ///< (rows, rank)
  bool operator==(const LowRank&) const = default;
};

/// Values as those of `base` plus up down of all `factors`.
struct LowRankSum {
  SourcePtr base;  ///< nullptr: no such sum
  std::vector<LowRank> factors;
};

/// Part of a weight seen as a matrix: its first axis by all others.
struct Tile {
  std::int64_t row, rows, column, columns;
};

/// Where the values of one weight come from: a mapped file, a generator, a sum with an adapter's change.
/// Values are read in float32, a few rows at a time, while an implementation packs them; nothing is held twice.
/// Axes are in the file's order: linear (out, in), convolution (out, in, kernel height, kernel width).
class Source {
 public:
  Source(Shape shape, DType stored) : shape_(shape), stored_(stored) {}
  virtual ~Source() = default;

  const Shape& shape() const { return shape_; }
  DType stored() const { return stored_; }  ///< the type of the values before widening: its bytes are what a file holds
  /// Elements [first, first + out.size()) in row-major order. May be called from several threads at once.
  virtual void read(std::int64_t first, std::span<float> out) const = 0;
  /// A part of the weight as a matrix, whose rows come to lie `stride` values apart. The same values as `read` gives.
  virtual void read_tile(const Tile& tile, float* out, std::int64_t stride) const;
  /// Grows with each change of the values, which happens between runs only. A file's never change.
  virtual std::uint64_t revision() const { return 0; }
  /// The same values, ready to be read as a whole and rounded to `type`: they are as precise as this asks for. What
  /// takes work or memory for the entire weight is done here, in all threads, and lives as long as the result. Null
  /// where there is nothing to make ready.
  virtual SourcePtr prepared(DType) const { return nullptr; }
  /// What belongs to the weight and is not in its values: the layer that has the weight adds it. Others between runs
  /// only.
  virtual std::vector<LowRank> beside() const { return {}; }
  /// The same values as a sum, for devices that multiply faster than values come to them.
  virtual LowRankSum sum() const { return {}; }

 private:
  Shape shape_;
  DType stored_;
};

/// Columns of a weight seen as a matrix; 0 of one without values.
std::int64_t columns_of(const Shape& shape);

/// `read` of a source that reads tiles: what remains of a row, whole rows some at a time, and the beginning of another.
void read_by_tiles(const Source& source, std::int64_t first, std::span<float> out);

/// Values that lie in memory (a mapped file); `owner` keeps them alive.
SourcePtr memory_source(Shape shape, DType stored, const std::byte* data, std::shared_ptr<const void> owner);
/// float32 values that it owns.
SourcePtr values_source(Shape shape, std::vector<float> values);
/// Sources with equal inner axes, one after the other along the first: q, k and v as one linear.
SourcePtr joined_source(std::vector<SourcePtr> parts);
/// The same values with other axes; Error(internal) if the number of elements differs.
SourcePtr reshaped_source(SourcePtr source, Shape shape);

/// The columns of a weight as rows, (columns, first axis): those of a convolution's taps (in, kernel height, kernel
/// width) in the order of activations that are channels last, (kernel height, kernel width, in).
SourcePtr columns_source(SourcePtr weight);

/// All factors of a weight as one pair, ranks one after the other: `down` (ranks, the other axes of `weight`).
SourcePtr joined_down(const std::vector<LowRank>& parts, const Shape& weight);
/// `up` (the first axis of `weight`, ranks), zero where a part gives nothing to a row.
SourcePtr joined_up(const std::vector<LowRank>& parts, const Shape& weight);

/// What to read a whole weight from: `prepared(type)`, or the source itself.
SourcePtr prepared(SourcePtr source, DType type = DType::f32);
/// All values at once, for the small ones: biases, norms, factors.
std::vector<float> read_all(const Source& source);

}  // namespace sumi
