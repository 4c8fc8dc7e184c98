#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/file_map.h"
#include "core/source.h"

namespace sumi {

/// A source whose elements can be had as they are stored: copies of them lose nothing, whatever their type.
class StoredSource : public Source {
 public:
  using Source::Source;
  /// Elements [first, first + out.size() / bytes_of(stored())) in row-major order, as they lie in the file.
  virtual void read_stored(std::int64_t first, std::span<std::byte> out) const = 0;
};

/// The stored bytes of elements of any source: exact for a StoredSource, and for others of f32, bf16 and f16, whose
/// values float32 holds. Error(unsupported) for the rest.
void read_stored(const Source& source, std::int64_t first, std::span<std::byte> out);

/// Values at `offset` of a mapped file; the caller has checked that they lie inside. Reading from a file that shrank is
/// Error(io) (core/file_map.h).
SourcePtr mapped_source(Shape shape, DType stored, std::shared_ptr<const FileMap> map, std::size_t offset);

/// Some of a source's elements in another order: element (i, j, ...) is `offset` + i * strides[0] + j * strides[1] ...
/// of `base`. Error(internal) where that leads outside of it.
SourcePtr view_source(SourcePtr base, Shape shape, const std::vector<std::int64_t>& strides, std::int64_t offset);
/// Part `i` of `count` equal ones along the first axis.
SourcePtr part_source(const SourcePtr& base, std::int64_t i, std::int64_t count);
/// A matrix with its axes exchanged.
SourcePtr transposed_source(const SourcePtr& base);
/// The same elements with other axes.
SourcePtr same_source(const SourcePtr& base, Shape shape);
/// Sources of one type and shape, one after the other along the first axis.
SourcePtr stacked_source(std::vector<SourcePtr> parts);

/// The strides of a shape whose elements lie in row-major order.
std::vector<std::int64_t> row_major(const Shape& shape);

}  // namespace sumi
