#include "weights/stored.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace sumi {
namespace {

class MappedSource final : public StoredSource {
 public:
  MappedSource(Shape shape, DType stored, std::shared_ptr<const FileMap> map, std::size_t offset)
      : StoredSource(shape, stored), map_(std::move(map)), offset_(offset) {}

  void read(std::int64_t first, std::span<float> out) const override {
    to_float(stored(), at(first), out);
    map_->check();
  }
  void read_stored(std::int64_t first, std::span<std::byte> out) const override {
    std::copy_n(at(first), out.size(), out.data());
    map_->check();
  }

 private:
  const std::byte* at(std::int64_t element) const {
    return map_->bytes().data() + offset_ + static_cast<std::size_t>(element) * bytes_of(stored());
  }

  std::shared_ptr<const FileMap> map_;
  std::size_t offset_;
};

class ViewSource final : public StoredSource {
 public:
  ViewSource(SourcePtr base, Shape shape, const std::vector<std::int64_t>& strides, std::int64_t offset)
      : StoredSource(shape, base->stored()),
        base_(std::move(base)),
        strides_(strides),
        offset_(offset),
        whole_(strides == row_major(shape)) {}

  void read(std::int64_t first, std::span<float> out) const override {
    if (whole_) return base_->read(offset_ + first, out);
    for (std::size_t i = 0; i < out.size(); ++i)
      base_->read(place(first + static_cast<std::int64_t>(i)), out.subspan(i, 1));
  }
  void read_stored(std::int64_t first, std::span<std::byte> out) const override {
    if (whole_) return sumi::read_stored(*base_, offset_ + first, out);
    const std::size_t bytes = bytes_of(stored());
    for (std::size_t i = 0; i < out.size() / bytes; ++i) {
      sumi::read_stored(*base_, place(first + static_cast<std::int64_t>(i)), out.subspan(i * bytes, bytes));
    }
  }

 private:
  std::int64_t place(std::int64_t element) const {
    std::int64_t place = offset_;
    for (int axis = shape().rank(); axis-- > 0;) {
      place += element % shape()[axis] * strides_[static_cast<std::size_t>(axis)];
      element /= shape()[axis];
    }
    return place;
  }

  SourcePtr base_;
  std::vector<std::int64_t> strides_;
  std::int64_t offset_;
  bool whole_;  // a range of the base
};

class StackedSource final : public StoredSource {
 public:
  StackedSource(Shape shape, std::vector<SourcePtr> parts)
      : StoredSource(shape, parts.front()->stored()), parts_(std::move(parts)) {}

  void read(std::int64_t first, std::span<float> out) const override {
    each(first, out, 1, [](const Source& part, std::int64_t at, std::span<float> here) { part.read(at, here); });
  }
  void read_stored(std::int64_t first, std::span<std::byte> out) const override {
    each(first, out, bytes_of(stored()),
         [](const Source& part, std::int64_t at, std::span<std::byte> here) { sumi::read_stored(part, at, here); });
  }

 private:
  /// Calls `read` for each part's share of `out`, which has `unit` entries an element.
  template <class T, class Read>
  void each(std::int64_t first, std::span<T> out, std::size_t unit, Read read) const {
    const std::int64_t n = parts_.front()->shape().elements();
    while (!out.empty()) {
      const auto left = static_cast<std::size_t>(n - first % n) * unit;
      const auto here = std::min(out.size(), left);
      read(*parts_[static_cast<std::size_t>(first / n)], first % n, out.first(here));
      out = out.subspan(here);
      first += static_cast<std::int64_t>(here / unit);
    }
  }

  std::vector<SourcePtr> parts_;
};

}  // namespace

void read_stored(const Source& source, std::int64_t first, std::span<std::byte> out) {
  if (const auto* stored = dynamic_cast<const StoredSource*>(&source)) return stored->read_stored(first, out);
  const DType type = source.stored();
  check(type == DType::f32 || type == DType::bf16 || type == DType::f16, ErrorCode::unsupported,
        "values of type {} that lie in no file cannot be copied", name_of(type));
  std::vector<float> values(out.size() / bytes_of(type));
  source.read(first, values);
  from_float(values, type, out.data());
}

std::vector<std::int64_t> row_major(const Shape& shape) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.rank()), 1);
  for (std::size_t axis = strides.size(); axis-- > 1;) {
    strides[axis - 1] = strides[axis] * shape[static_cast<int>(axis)];
  }
  return strides;
}

SourcePtr mapped_source(Shape shape, DType stored, std::shared_ptr<const FileMap> map, std::size_t offset) {
  return std::make_shared<MappedSource>(shape, stored, std::move(map), offset);
}

SourcePtr view_source(SourcePtr base, Shape shape, const std::vector<std::int64_t>& strides, std::int64_t offset) {
  std::int64_t last = offset;
  for (int axis = 0; axis < shape.rank(); ++axis) last += (shape[axis] - 1) * strides[static_cast<std::size_t>(axis)];
  check(shape.elements() == 0 || (offset >= 0 && last < base->shape().elements()), ErrorCode::internal,
        "view_source: elements {} to {} of {}", offset, last, base->shape().text());
  return std::make_shared<ViewSource>(std::move(base), shape, strides, offset);
}

SourcePtr part_source(const SourcePtr& base, std::int64_t i, std::int64_t count) {
  Shape shape = base->shape();
  check(shape.rank() > 0 && shape[0] % count == 0, ErrorCode::internal, "part_source: {} in {} parts", shape.text(),
        count);
  shape[0] /= count;
  return view_source(base, shape, row_major(shape), i * shape.elements());
}

SourcePtr transposed_source(const SourcePtr& base) {
  const Shape& shape = base->shape();
  check(shape.rank() == 2, ErrorCode::internal, "transposed_source: {} is no matrix", shape.text());
  return view_source(base, {shape[1], shape[0]}, {1, shape[1]}, 0);
}

SourcePtr same_source(const SourcePtr& base, Shape shape) {
  check(shape.elements() == base->shape().elements(), ErrorCode::internal, "same_source: {} from {}", shape.text(),
        base->shape().text());
  return view_source(base, shape, row_major(shape), 0);
}

SourcePtr stacked_source(std::vector<SourcePtr> parts) {
  Shape shape = parts.at(0)->shape();
  for (const SourcePtr& part : parts) {
    check(part->shape() == shape && part->stored() == parts[0]->stored() && shape.rank() > 0, ErrorCode::internal,
          "stacked_source: {} does not continue {}", part->shape().text(), shape.text());
  }
  shape[0] *= static_cast<std::int64_t>(parts.size());
  return std::make_shared<StackedSource>(shape, std::move(parts));
}

}  // namespace sumi
