#include "adapters/factors.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "backend/cpu/product.h"

namespace sumi {
namespace {

std::int64_t rows_of(const Source& source) { return source.shape()[0]; }
std::int64_t columns_of(const Source& source) { return sumi::columns_of(source.shape()); }
std::int64_t taps_of(const Source& core) { return columns_of(core) / core.shape()[1]; }

void scale_by(Matrix& matrix, double scale) {
  for (float& value : matrix.values) value = static_cast<float>(value * scale);
}

/// The first factor is read from where it lies, a few rows at a time; the second takes part in every product.
class LowRankDelta final : public Delta {
 public:
  LowRankDelta(const Factors& factors, double scale, DType type)
      : left_(factors.left_source()), right_(*prepared(factors.right_source()), type), scale_(scale) {}

  void add(const Tile& tile, float scale, float* out, std::int64_t stride) const override {
    std::vector<float> left(static_cast<std::size_t>(tile.rows * right_.steps()));
    left_->read(tile.row * right_.steps(), left);
    right_.add_product(tile, static_cast<float>(scale_ * scale), left.data(), out, stride);
  }

 private:
  SourcePtr left_;
  RightFactor right_;
  double scale_;
};

/// The second factor of a product around a core.
class CoredSource final : public Source {
 public:
  explicit CoredSource(const Factors& factors)
      : Source({rows_of(*factors.core), factors.columns()}, DType::f32), factors_(factors) {}

  void read(std::int64_t first, std::span<float> out) const override { prepared(DType::f32)->read(first, out); }
  SourcePtr prepared(DType) const override { return values_source(shape(), factors_.right().values); }

 private:
  Factors factors_;
};

class Hadamard final : public Delta {
 public:
  Hadamard(const Factors& first, const Factors& second, double scale, DType type)
      : first_(first, scale, type), second_(second, 1, type) {}

  void add(const Tile& tile, float scale, float* out, std::int64_t stride) const override {
    const auto count = static_cast<std::size_t>(tile.rows * tile.columns);
    std::vector<float> a(count), b(count);
    first_.add(tile, scale, a.data(), tile.columns);
    second_.add(tile, 1, b.data(), tile.columns);
    for (std::int64_t i = 0; i < tile.rows; ++i) {
      const std::size_t row = static_cast<std::size_t>(i * tile.columns);
      for (std::int64_t j = 0; j < tile.columns; ++j) out[i * stride + j] += a[row + j] * b[row + j];
    }
  }

 private:
  LowRankDelta first_, second_;
};

class Kronecker final : public Delta {
 public:
  Kronecker(const Factors& outer, const Factors& inner, double scale)
      : outer_(outer.product()), inner_(inner.product()) {
    scale_by(outer_, scale);
  }

  void add(const Tile& tile, float scale, float* out, std::int64_t stride) const override {
    const std::int64_t end = tile.column + tile.columns;
    for (std::int64_t i = 0; i < tile.rows; ++i) {
      const float* outer = outer_.row((tile.row + i) / inner_.rows);
      const float* inner = inner_.row((tile.row + i) % inner_.rows);
      float* row = out + i * stride - tile.column;
      for (std::int64_t at = tile.column; at < end;) {
        const std::int64_t block = at / inner_.columns, begin = block * inner_.columns;
        const std::int64_t stop = std::min(end, begin + inner_.columns);
        const float factor = scale * outer[block];
        for (; at < stop; ++at) row[at] += factor * inner[at - begin];
      }
    }
  }

 private:
  Matrix outer_, inner_;
};

class Difference final : public Delta {
 public:
  Difference(SourcePtr values, double scale) : values_(std::move(values)), scale_(static_cast<float>(scale)) {}

  void add(const Tile& tile, float scale, float* out, std::int64_t stride) const override {
    const std::int64_t width = columns_of(*values_);
    const float factor = scale * scale_;
    std::vector<float> row(static_cast<std::size_t>(tile.columns));
    for (std::int64_t i = 0; i < tile.rows; ++i) {
      values_->read((tile.row + i) * width + tile.column, row);
      for (std::size_t j = 0; j < row.size(); ++j) out[i * stride + static_cast<std::int64_t>(j)] += factor * row[j];
    }
  }

 private:
  SourcePtr values_;
  float scale_;
};

}  // namespace

std::int64_t Factors::rows() const { return a_transposed ? columns_of(*a) : rows_of(*a); }
std::int64_t Factors::columns() const { return columns_of(b ? *b : *a) * (core ? taps_of(*core) : 1); }
std::int64_t Factors::rank() const { return b ? rows_of(*b) : 0; }

std::string Factors::problem() const {
  if (!b) return core ? "a core has no second factor" : "";
  const std::int64_t inner = a_transposed ? rows_of(*a) : columns_of(*a);
  if (core && core->shape().rank() < 2) return fmt::format("a core of shape {}", core->shape().text());
  const std::int64_t from = core ? rows_of(*core) : rows_of(*b), to = core ? core->shape()[1] : rows_of(*b);
  if (inner == from && to == rows_of(*b)) return "";
  return fmt::format("factors of {} and {}{} cannot be multiplied", a->shape().text(), b->shape().text(),
                     core ? fmt::format(" around {}", core->shape().text()) : "");
}

SourcePtr Factors::left_source() const {
  if (!a_transposed) return prepared(a);
  return values_source({rows(), rows_of(*a)}, Matrix(*a).transposed().values);
}

Matrix Factors::right() const {
  Matrix inner(*b);
  if (!core) return inner;
  const Matrix taps(*core);
  const std::int64_t count = taps_of(*core);
  Matrix joined(taps.rows, inner.columns * count);
  for (std::int64_t i = 0; i < taps.rows; ++i) {
    for (std::int64_t j = 0; j < inner.rows; ++j) {
      const float* tap = taps.row(i) + j * count;
      for (std::int64_t c = 0; c < inner.columns; ++c) {
        const float value = inner.row(j)[c];
        for (std::int64_t t = 0; t < count; ++t) joined.row(i)[c * count + t] += value * tap[t];
      }
    }
  }
  return joined;
}

SourcePtr Factors::right_source() const { return core ? std::make_shared<CoredSource>(*this) : b; }

Matrix Factors::product() const {
  if (!b) return Matrix(*left_source());
  Matrix whole(rows(), columns());
  LowRankDelta(*this, 1, DType::f32).add({0, whole.rows, 0, whole.columns}, 1, whole.row(0), whole.columns);
  return whole;
}

DeltaPtr low_rank_delta(const Factors& factors, double scale, DType type) {
  return std::make_unique<LowRankDelta>(factors, scale, type);
}

DeltaPtr hadamard_delta(const Factors& first, const Factors& second, double scale, DType type) {
  return std::make_unique<Hadamard>(first, second, scale, type);
}

DeltaPtr kronecker_delta(const Factors& outer, const Factors& inner, double scale) {
  return std::make_unique<Kronecker>(outer, inner, scale);
}

DeltaPtr difference_delta(SourcePtr values, double scale) {
  return std::make_unique<Difference>(std::move(values), scale);
}

}  // namespace sumi
