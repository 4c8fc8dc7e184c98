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
  /// The sum: each part's only grows.
  std::uint64_t revision() const override {
    std::uint64_t sum = 0;
    for (const auto& part : parts_) sum += part->revision();
    return sum;
  }
  SourcePtr prepared() const override {
    std::vector<SourcePtr> ready;
    for (const auto& part : parts_) ready.push_back(sumi::prepared(part));
    return ready == parts_ ? nullptr : std::make_shared<JoinedSource>(shape(), std::move(ready));
  }

 private:
  std::vector<SourcePtr> parts_;
};

class ReshapedSource final : public Source {
 public:
  ReshapedSource(Shape shape, SourcePtr source) : Source(shape, source->stored()), source_(std::move(source)) {}
  void read(std::int64_t first, std::span<float> out) const override { source_->read(first, out); }
  std::uint64_t revision() const override { return source_->revision(); }
  SourcePtr prepared() const override {
    SourcePtr ready = source_->prepared();
    return ready ? std::make_shared<ReshapedSource>(shape(), std::move(ready)) : nullptr;
  }

 private:
  SourcePtr source_;
};

}  // namespace

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

SourcePtr prepared(SourcePtr source) {
  SourcePtr ready = source->prepared();
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
