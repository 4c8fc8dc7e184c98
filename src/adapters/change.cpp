#include "adapters/change.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/threads.h"

namespace sumi {
namespace {

/// Rows of about this many values are worked on at a time, so that they stay in the cache of a core.
constexpr std::int64_t kTileValues = 1 << 14;

/// W = m V / |V| with V = W0 + D: adds m V / |V| - W0.
class Magnitude final : public Delta {
 public:
  Magnitude(const WeightChange& change, SourcePtr weight, DType type)
      : change_(change.delta(type)), weight_(std::move(weight)), rows_(change.rows), columns_(change.columns) {
    factors_ = read_all(*change.magnitude);
    by_rows_ = change.norm == WeightChange::Norm::rows;
    group_ = by_rows_ ? 1 : columns_ / static_cast<std::int64_t>(factors_.size());
    const auto norms = by_rows_ ? row_norms() : column_norms();
    // A row of zeros has no direction: it stays.
    for (std::size_t i = 0; i < factors_.size(); ++i) {
      factors_[i] = norms[i] > 0 ? static_cast<float>(factors_[i] / norms[i]) : 0;
    }
  }

  void add(const Tile& tile, float scale, float* out, std::int64_t stride) const override {
    std::vector<float> original(static_cast<std::size_t>(tile.rows * tile.columns));
    const auto changed = sum(tile, &original);
    for (std::int64_t i = 0; i < tile.rows; ++i) {
      const std::size_t row = static_cast<std::size_t>(i * tile.columns);
      for (std::int64_t j = 0; j < tile.columns; ++j) {
        out[i * stride + j] += scale * (factor(tile.row + i, tile.column + j) * changed[row + j] - original[row + j]);
      }
    }
  }

 private:
  float factor(std::int64_t row, std::int64_t column) const {
    return factors_[static_cast<std::size_t>(by_rows_ ? row : column / group_)];
  }

  /// The tile of weight plus change, and the weight's own.
  std::vector<float> sum(const Tile& tile, std::vector<float>* original = nullptr) const {
    std::vector<float> values(static_cast<std::size_t>(tile.rows * tile.columns));
    weight_->read_tile(tile, values.data(), tile.columns);
    if (original) *original = values;
    change_->add(tile, 1, values.data(), tile.columns);
    return values;
  }

  std::vector<double> row_norms() const {
    std::vector<double> squares(static_cast<std::size_t>(rows_));
    const std::int64_t step = std::max<std::int64_t>(1, kTileValues / columns_);
    parallel_for(rows_, step, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; row += step) {
        const std::int64_t count = std::min(step, end - row);
        const auto values = sum({row, count, 0, columns_});
        for (std::int64_t i = 0; i < count * columns_; ++i) {
          squares[static_cast<std::size_t>(row + i / columns_)] += static_cast<double>(values[i]) * values[i];
        }
      }
    });
    return roots(squares);
  }

  /// Each thread takes whole groups of columns, so that sums do not depend on how many threads there are.
  std::vector<double> column_norms() const {
    std::vector<double> squares(factors_.size());
    const auto groups = static_cast<std::int64_t>(squares.size());
    parallel_for(groups, 16, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t width = (end - begin) * group_, step = std::max<std::int64_t>(1, kTileValues / width);
      for (std::int64_t row = 0; row < rows_; row += step) {
        const auto values = sum({row, std::min(step, rows_ - row), begin * group_, width});
        for (std::size_t i = 0; i < values.size(); ++i) {
          const std::int64_t column = static_cast<std::int64_t>(i) % width;
          squares[static_cast<std::size_t>(begin + column / group_)] += static_cast<double>(values[i]) * values[i];
        }
      }
    });
    return roots(squares);
  }

  static std::vector<double> roots(std::vector<double> squares) {
    for (double& value : squares) value = std::sqrt(value);
    return squares;
  }

  DeltaPtr change_;
  SourcePtr weight_;
  std::int64_t rows_, columns_, group_;
  bool by_rows_;
  std::vector<float> factors_;
};

}  // namespace

DeltaPtr WeightChange::of(SourcePtr weight, DType type) const {
  return norm == Norm::none ? delta(type) : std::make_unique<Magnitude>(*this, std::move(weight), type);
}

}  // namespace sumi
