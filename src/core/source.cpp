#include "core/source.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "core/threads.h"

namespace sumi {
namespace {

class MemorySource final : public Source {
 public:
  MemorySource(Shape shape, DType stored, const std::byte* data, std::shared_ptr<const void> owner)
      : Source(shape, stored), data_(data), owner_(std::move(owner)) {}
  void read(std::int64_t first, std::span<float> out) const override {
    to_float(stored(), data_ + static_cast<std::size_t>(first) * bytes_of(stored()), out);
  }

 private:
  const std::byte* data_;
  std::shared_ptr<const void> owner_;
};

class JoinedSource final : public Source {
 public:
  JoinedSource(Shape shape, std::vector<SourcePtr> parts)
      : Source(shape, parts.front()->stored()), parts_(std::move(parts)) {}
  void read(std::int64_t first, std::span<float> out) const override {
    for (const auto& part : parts_) {
      const std::int64_t n = part->shape().elements();
      if (out.empty()) return;
      if (first < n) {
        const auto here = std::min<std::int64_t>(n - first, static_cast<std::int64_t>(out.size()));
        part->read(first, out.first(static_cast<std::size_t>(here)));
        out = out.subspan(static_cast<std::size_t>(here));
        first = n;
      }
      first -= n;
    }
  }
  void read_tile(const Tile& tile, float* out, std::int64_t stride) const override {
    std::int64_t begin = 0;
    for (const auto& part : parts_) {
      const std::int64_t end = begin + part->shape()[0];
      const std::int64_t from = std::max(tile.row, begin), to = std::min(tile.row + tile.rows, end);
      if (from < to) {
        part->read_tile({from - begin, to - from, tile.column, tile.columns}, out + (from - tile.row) * stride, stride);
      }
      begin = end;
    }
  }
  /// The sum: each part's only grows.
  std::uint64_t revision() const override {
    std::uint64_t sum = 0;
    for (const auto& part : parts_) sum += part->revision();
    return sum;
  }
  SourcePtr prepared(DType type) const override {
    std::vector<SourcePtr> ready;
    for (const auto& part : parts_) ready.push_back(sumi::prepared(part, type));
    return ready == parts_ ? nullptr : std::make_shared<JoinedSource>(shape(), std::move(ready));
  }
  std::vector<LowRank> beside() const override {
    std::vector<LowRank> all;
    std::int64_t row = 0;
    for (const auto& part : parts_) {
      for (LowRank& factors : part->beside()) all.push_back({row + factors.row, factors.down, factors.up});
      row += part->shape()[0];
    }
    return all;
  }
  LowRankSum sum() const override {
    LowRankSum all;
    std::vector<SourcePtr> bases;
    std::int64_t row = 0;
    for (const auto& part : parts_) {
      const LowRankSum sum = part->sum();
      bases.push_back(sum.base ? sum.base : part);
      for (const LowRank& factors : sum.factors) all.factors.push_back({row + factors.row, factors.down, factors.up});
      row += part->shape()[0];
    }
    if (bases != parts_) all.base = std::make_shared<JoinedSource>(shape(), std::move(bases));
    return all;
  }

 private:
  std::vector<SourcePtr> parts_;
};

class ReshapedSource final : public Source {
 public:
  ReshapedSource(Shape shape, SourcePtr source) : Source(shape, source->stored()), source_(std::move(source)) {}
  void read(std::int64_t first, std::span<float> out) const override { source_->read(first, out); }
  void read_tile(const Tile& tile, float* out, std::int64_t stride) const override {
    if (columns_of(shape()) != columns_of(source_->shape())) return Source::read_tile(tile, out, stride);
    source_->read_tile(tile, out, stride);
  }
  std::uint64_t revision() const override { return source_->revision(); }
  SourcePtr prepared(DType type) const override {
    SourcePtr ready = source_->prepared(type);
    return ready ? std::make_shared<ReshapedSource>(shape(), std::move(ready)) : nullptr;
  }
  std::vector<LowRank> beside() const override {
    std::vector<LowRank> factors = source_->beside();
    check(factors.empty() || shape()[0] == source_->shape()[0], ErrorCode::internal,
          "reshaped_source: {} from {} with factors beside it", shape().text(), source_->shape().text());
    return factors;
  }
  LowRankSum sum() const override {
    LowRankSum sum = source_->sum();
    if (!sum.base || shape()[0] != source_->shape()[0]) return {};
    return {std::make_shared<ReshapedSource>(shape(), sum.base), std::move(sum.factors)};
  }

 private:
  SourcePtr source_;
};

class ColumnsSource final : public Source {
 public:
  explicit ColumnsSource(SourcePtr source)
      : Source({columns_of(source->shape()), source->shape()[0]}, source->stored()),
        source_(std::move(source)),
        taps_(source_->shape().rank() == 4 ? source_->shape()[2] * source_->shape()[3] : 1) {}

  /// Of one tap, so that its inputs are `taps_` columns apart.
  void read_tile(const Tile& tile, float* out, std::int64_t stride) const override {
    const std::int64_t inputs = shape()[0] / taps_;
    std::vector<float> columns;
    for (std::int64_t done = 0; done < tile.rows;) {
      const std::int64_t row = tile.row + done, tap = row / inputs, input = row % inputs;
      const std::int64_t count = std::min(tile.rows - done, inputs - input), width = (count - 1) * taps_ + 1;
      columns.resize(static_cast<std::size_t>(tile.columns * width));
      source_->read_tile({tile.column, tile.columns, input * taps_ + tap, width}, columns.data(), width);
      for (std::int64_t i = 0; i < count; ++i) {
        for (std::int64_t j = 0; j < tile.columns; ++j) {
          out[(done + i) * stride + j] = columns[static_cast<std::size_t>(j * width + i * taps_)];
        }
      }
      done += count;
    }
  }
  void read(std::int64_t first, std::span<float> out) const override { read_by_tiles(*this, first, out); }
  std::uint64_t revision() const override { return source_->revision(); }
  SourcePtr prepared(DType type) const override {
    SourcePtr ready = source_->prepared(type);
    return ready ? std::make_shared<ColumnsSource>(std::move(ready)) : nullptr;
  }

 private:
  SourcePtr source_;
  std::int64_t taps_;
};

/// Matrices in the blocks of a larger one.
class PlacedSource final : public Source {
 public:
  PlacedSource(Shape shape, std::vector<LowRank> parts) : Source(shape, DType::f32), parts_(std::move(parts)) {}

  void read(std::int64_t first, std::span<float> out) const override {
    std::fill(out.begin(), out.end(), 0.0f);
    const std::int64_t width = shape()[1], end = first + static_cast<std::int64_t>(out.size());
    for (std::int64_t row = first / width; row * width < end; ++row) {
      std::int64_t at = row * width;
      for (const auto& [begin, down, up] : parts_) {
        const std::int64_t rank = up->shape()[1], from = std::max(first, at), to = std::min(end, at + rank);
        if (row >= begin && row < begin + up->shape()[0] && from < to) {
          up->read((row - begin) * rank + from - at,
                   out.subspan(static_cast<std::size_t>(from - first), static_cast<std::size_t>(to - from)));
        }
        at += rank;
      }
    }
  }
  /// The sum: each part's only grows.
  std::uint64_t revision() const override {
    std::uint64_t sum = 0;
    for (const LowRank& part : parts_) sum += part.up->revision();
    return sum;
  }

 private:
  std::vector<LowRank> parts_;
};

}  // namespace

void Source::read_tile(const Tile& tile, float* out, std::int64_t stride) const {
  const std::int64_t width = columns_of(shape_);
  for (std::int64_t i = 0; i < tile.rows; ++i) {
    read((tile.row + i) * width + tile.column, {out + i * stride, static_cast<std::size_t>(tile.columns)});
  }
}

std::int64_t columns_of(const Shape& shape) { return shape.elements() / std::max<std::int64_t>(shape[0], 1); }

void read_by_tiles(const Source& source, std::int64_t first, std::span<float> out) {
  const std::int64_t width = columns_of(source.shape());
  // Enough that what a tile makes ready is used well, few enough that the rows stay in the cache of a core.
  const std::int64_t rows_at_once = std::max<std::int64_t>(1, (1 << 16) / width);
  const auto left = [&] { return static_cast<std::int64_t>(out.size()); };
  const auto take = [&](std::int64_t rows, std::int64_t columns) {
    source.read_tile({first / width, rows, first % width, columns}, out.data(), columns);
    first += rows * columns;
    out = out.subspan(static_cast<std::size_t>(rows * columns));
  };
  if (left() > 0 && first % width != 0) take(1, std::min(width - first % width, left()));
  while (left() >= width) take(std::min(left() / width, rows_at_once), width);
  if (left() > 0) take(1, left());
}

SourcePtr memory_source(Shape shape, DType stored, const std::byte* data, std::shared_ptr<const void> owner) {
  return std::make_shared<MemorySource>(shape, stored, data, std::move(owner));
}

SourcePtr values_source(Shape shape, std::vector<float> values) {
  check(shape.elements() == static_cast<std::int64_t>(values.size()), ErrorCode::internal,
        "values_source: {} values for shape {}", values.size(), shape.text());
  auto owned = std::make_shared<const std::vector<float>>(std::move(values));
  const auto* data = reinterpret_cast<const std::byte*>(owned->data());
  return memory_source(shape, DType::f32, data, std::move(owned));
}

SourcePtr joined_source(std::vector<SourcePtr> parts) {
  Shape shape = parts.at(0)->shape();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Shape& other = parts[i]->shape();
    check(other.rank() == shape.rank() && std::equal(other.begin() + 1, other.end(), shape.begin() + 1),
          ErrorCode::internal, "joined_source: {} does not continue {}", other.text(), shape.text());
    shape[0] += other[0];
  }
  return std::make_shared<JoinedSource>(shape, std::move(parts));
}

SourcePtr reshaped_source(SourcePtr source, Shape shape) {
  check(shape.elements() == source->shape().elements(), ErrorCode::internal, "reshaped_source: {} from {}",
        shape.text(), source->shape().text());
  return std::make_shared<ReshapedSource>(shape, std::move(source));
}

SourcePtr columns_source(SourcePtr weight) { return std::make_shared<ColumnsSource>(std::move(weight)); }

SourcePtr joined_down(const std::vector<LowRank>& parts, const Shape& weight) {
  std::vector<SourcePtr> downs;
  for (const LowRank& part : parts) {
    Shape shape = weight;
    shape[0] = part.up->shape()[1];
    downs.push_back(part.down->shape() == shape ? part.down : reshaped_source(part.down, shape));
  }
  return joined_source(std::move(downs));
}

SourcePtr joined_up(const std::vector<LowRank>& parts, const Shape& weight) {
  std::int64_t ranks = 0;
  for (const LowRank& part : parts) ranks += part.up->shape()[1];
  return std::make_shared<PlacedSource>(Shape{weight[0], ranks}, parts);
}

SourcePtr prepared(SourcePtr source, DType type) {
  SourcePtr ready = source->prepared(type);
  return ready ? ready : source;
}

std::vector<float> read_all(const Source& source) {
  constexpr std::int64_t kGrain = 1 << 16;
  std::vector<float> values(static_cast<std::size_t>(source.shape().elements()));
  parallel_for(source.shape().elements(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    source.read(begin,
                std::span(values).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
  });
  return values;
}

}  // namespace sumi
