#include "weights/name_table.h"

#include <array>
#include <utility>

#include "core/check.h"
#include "weights/stored.h"

namespace sumi {
namespace {

bool is_part(Change change) { return change == Change::query || change == Change::key || change == Change::value; }

std::size_t part_of(Change change) { return change == Change::query ? 0 : change == Change::key ? 1 : 2; }

SourcePtr with_axes(const SourcePtr& source, int rank) {
  Shape shape = source->shape();
  std::vector<std::int64_t> extents(shape.begin(), shape.begin() + std::min(rank, shape.rank()));
  extents.resize(static_cast<std::size_t>(rank), 1);
  return Shape(extents).elements() == shape.elements() ? same_source(source, Shape(extents)) : source;
}

/// As the model wants it. A tensor that the change does not fit stays as it is: its loader tells the shape.
SourcePtr from_file(const SourcePtr& source, Change change) {
  const int rank = source->shape().rank();
  if (change == Change::transposed && rank == 2) return transposed_source(source);
  if (change == Change::pointwise && rank == 4) return with_axes(source, 2);
  if (is_part(change) && rank > 0 && source->shape()[0] % 3 == 0) {
    return part_source(source, static_cast<std::int64_t>(part_of(change)), 3);
  }
  return source;
}

SourcePtr for_file(const SourcePtr& source, Change change) {
  const int rank = source->shape().rank();
  if (change == Change::transposed && rank == 2) return transposed_source(source);
  if (change == Change::pointwise && rank == 2) return with_axes(source, 4);
  return source;
}

}  // namespace

void NameTable::add(std::string model, std::string file, Change change) {
  by_file_.emplace(file, entries_.size());
  alias(std::move(model), std::move(file), change);
}

void NameTable::alias(std::string model, std::string file, Change change) {
  by_model_.emplace(model, entries_.size());
  entries_.push_back({std::move(model), std::move(file), change});
}

void NameTable::drop(std::string file) {
  by_file_.emplace(file, entries_.size());
  entries_.push_back({"", std::move(file), Change::none});
}

std::vector<const NameTable::Entry*> NameTable::find(const Index& index, std::string_view name) const {
  std::vector<const Entry*> found;
  for (std::string_view key = name; found.empty() && !key.empty();) {
    const auto [begin, end] = index.equal_range(key);
    for (auto item = begin; item != end; ++item) found.push_back(&entries_[item->second]);
    const auto dot = key.substr(0, key.size() - 1).rfind('.');
    key = key.substr(0, dot == std::string_view::npos ? 0 : dot + 1);
  }
  return found;
}

std::string NameTable::file_name(const Entry& entry, std::string_view model) {
  return entry.file + std::string(model.substr(entry.model.size()));
}

std::string NameTable::file_name(std::string_view model) const {
  const auto entries = find(by_model_, model);
  return entries.empty() ? "" : file_name(*entries.front(), model);
}

TensorMap NameTable::to_model(const TensorMap& file) const {
  TensorMap model;
  for (const auto& [name, source] : file) {
    const auto entries = find(by_file_, name);
    if (entries.empty()) model.emplace(name, source);
    for (const Entry* entry : entries) {
      if (!entry->model.empty())
        model.emplace(entry->model + name.substr(entry->file.size()), from_file(source, entry->change));
    }
  }
  return model;
}

TensorMap NameTable::to_file(const TensorMap& model, const std::string& where) const {
  TensorMap file;
  std::map<std::string, std::vector<SourcePtr>> parted;
  for (const auto& [name, source] : model) {
    const auto entries = find(by_model_, name);
    check(!entries.empty(), ErrorCode::unsupported, "{}: tensor '{}' has no name in a single file", where, name);
    const Entry& entry = *entries.front();
    const std::string target = file_name(entry, name);
    if (is_part(entry.change)) {
      auto& parts = parted[target];
      parts.resize(3);
      parts[part_of(entry.change)] = source;
    } else {
      file.emplace(target, for_file(source, entry.change));
    }
  }
  for (auto& [name, parts] : parted) {
    for (const SourcePtr& part : parts) {
      const bool fits = part && parts[0] && part->shape() == parts[0]->shape() && part->stored() == parts[0]->stored();
      check(fits && part->shape().rank() > 0, ErrorCode::unsupported,
            "{}: query, key and value of '{}' do not make one tensor", where, name);
    }
    file.emplace(name, stacked_source(std::move(parts)));
  }
  return file;
}

bool has_prefix(const TensorMap& tensors, std::string_view prefix) {
  const auto found = tensors.lower_bound(prefix);
  return found != tensors.end() && found->first.starts_with(prefix);
}

TensorMap without_prefix(const TensorMap& tensors, std::string_view prefix) {
  TensorMap inner;
  for (auto item = tensors.lower_bound(prefix); item != tensors.end() && item->first.starts_with(prefix); ++item) {
    inner.emplace(item->first.substr(prefix.size()), item->second);
  }
  return inner;
}

int count_of(const TensorMap& tensors, std::string_view prefix) {
  int count = 0;
  while (has_prefix(tensors, fmt::format("{}{}.", prefix, count))) ++count;
  return count;
}

}  // namespace sumi
