#include "weights/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/file_map.h"
#include "core/json.h"
#include "weights/stored.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostHeaderBytes = 100'000'000;  // the format's own limit
constexpr std::size_t kLengthBytes = 8;

constexpr std::array<std::pair<std::string_view, DType>, 12> kHeaderTypes{{{"F64", DType::f64},
                                                                           {"F32", DType::f32},
                                                                           {"F16", DType::f16},
                                                                           {"BF16", DType::bf16},
                                                                           {"F8_E4M3", DType::f8_e4m3},
                                                                           {"F8_E5M2", DType::f8_e5m2},
                                                                           {"I64", DType::i64},
                                                                           {"I32", DType::i32},
                                                                           {"I16", DType::i16},
                                                                           {"I8", DType::i8},
                                                                           {"U8", DType::u8},
                                                                           {"BOOL", DType::boolean}}};

/// One entry of the header, its offsets from the start of the data.
struct Entry {
  Shape shape;
  DType dtype;
  std::uint64_t begin, end;
};

std::uint64_t unsigned_of(const Json& value, const std::string& where, const char* what) {
  check(value.is_number_unsigned(), ErrorCode::bad_file, "{}: {} {} is not a whole number from 0", where, what,
        value.dump());
  return value.get<std::uint64_t>();
}

Shape shape_of(const Json& entry, const std::string& where) {
  const auto found = entry.find("shape");
  check(found != entry.end() && found->is_array(), ErrorCode::bad_file, "{}: no shape", where);
  check(found->size() <= Shape::max_rank, ErrorCode::bad_file, "{}: {} axes, at most {} are supported", where,
        found->size(), Shape::max_rank);
  std::vector<std::int64_t> extents;
  std::uint64_t elements = 1;
  for (const Json& value : *found) {
    const std::uint64_t extent = unsigned_of(value, where, "extent");
    // A quarter of the range leaves room for the bytes of any type.
    check(!__builtin_mul_overflow(elements, extent, &elements) && elements < (1ull << 60) && extent < (1ull << 60),
          ErrorCode::bad_file, "{}: a shape of {} is too large", where, found->dump());
    extents.push_back(static_cast<std::int64_t>(extent));
  }
  return Shape(extents);
}

DType dtype_of(const Json& entry, const std::string& where) {
  const auto found = entry.find("dtype");
  check(found != entry.end() && found->is_string(), ErrorCode::bad_file, "{}: no dtype", where);
  const auto& name = found->get_ref<const std::string&>();
  const auto type =
      std::find_if(kHeaderTypes.begin(), kHeaderTypes.end(), [&](const auto& known) { return known.first == name; });
  check(type != kHeaderTypes.end(), ErrorCode::bad_file, "{}: stored as '{}', a type that is not supported", where,
        name);
  return type->second;
}

Entry entry_of(const Json& json, const std::string& where, std::uint64_t data_bytes) {
  check(json.is_object(), ErrorCode::bad_file, "{}: not an object", where);
  Entry entry{shape_of(json, where), dtype_of(json, where), 0, 0};
  const auto offsets = json.find("data_offsets");
  check(offsets != json.end() && offsets->is_array() && offsets->size() == 2, ErrorCode::bad_file,
        "{}: no pair of data_offsets", where);
  entry.begin = unsigned_of(offsets->at(0), where, "offset");
  entry.end = unsigned_of(offsets->at(1), where, "offset");
  check(entry.begin <= entry.end && entry.end <= data_bytes, ErrorCode::bad_file,
        "{}: bytes {} to {} lie outside the file's {} bytes of data; it may be cut short", where, entry.begin,
        entry.end, data_bytes);
  const auto expected = static_cast<std::uint64_t>(entry.shape.elements()) * bytes_of(entry.dtype);
  check(entry.end - entry.begin == expected, ErrorCode::bad_file, "{}: {} bytes, but {} {} take {}", where,
        entry.end - entry.begin, entry.shape.text(), name_of(entry.dtype), expected);
  return entry;
}

/// The tensors must tile the data: with an overlap or a gap, the file is not what its header says.
void check_tiling(const std::vector<std::pair<std::string, Entry>>& entries, const std::string& where,
                  std::uint64_t data_bytes) {
  std::vector<const std::pair<std::string, Entry>*> ordered;
  for (const auto& item : entries) ordered.push_back(&item);
  std::sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::uint64_t reached = 0;
  for (const auto* item : ordered) {
    const auto& [name, entry] = *item;
    check(entry.begin >= reached, ErrorCode::bad_file, "{}: '{}' overlaps the tensor before it", where, name);
    check(entry.begin == reached, ErrorCode::bad_file, "{}: {} bytes before '{}' belong to no tensor", where,
          entry.begin - reached, name);
    reached = entry.end;
  }
  check(reached == data_bytes, ErrorCode::bad_file, "{}: {} bytes at the end belong to no tensor", where,
        data_bytes - reached);
}

std::string_view header_of(const FileMap& map) {
  const auto bytes = map.bytes();
  const std::string where = map.path().string();
  check(bytes.size() >= kLengthBytes, ErrorCode::bad_file, "{}: {} bytes are too few for a safetensors file", where,
        bytes.size());
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  check(length <= kMostHeaderBytes, ErrorCode::bad_file,
        "{}: a header of {} bytes is over the limit of {}; it may not be a safetensors file", where, length,
        kMostHeaderBytes);
  check(length <= bytes.size() - kLengthBytes, ErrorCode::bad_file,
        "{}: cut short: its header has {} bytes, the whole file {}", where, length, bytes.size());
  return {reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, static_cast<std::size_t>(length)};
}

void check_metadata(const Json& metadata, const std::string& where) {
  const bool texts = metadata.is_object() &&
                     std::all_of(metadata.begin(), metadata.end(), [](const Json& value) { return value.is_string(); });
  check(texts, ErrorCode::bad_file, "{}: __metadata__ is not an object of strings", where);
}

Json read_header(const FileMap& map, std::string_view header) {
  const std::string where = map.path().string();
  check(header.starts_with('{'), ErrorCode::bad_file, "{}: the header does not begin with '{{'", where);
  Json json = parse_json(header, where + ": header");
  map.check();
  return json;
}

}  // namespace

TensorMap read_safetensors(const fs::path& path) {
  const auto map = std::make_shared<const FileMap>(path);
  const std::string where = path.string();
  const std::string_view header = header_of(*map);
  const Json json = read_header(*map, header);

  const std::size_t data_begin = kLengthBytes + header.size();
  const std::uint64_t data_bytes = map->bytes().size() - data_begin;
  std::vector<std::pair<std::string, Entry>> entries;
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") {
      check_metadata(value, where);
    } else {
      entries.emplace_back(name, entry_of(value, fmt::format("{}: tensor '{}'", where, name), data_bytes));
    }
  }
  check_tiling(entries, where, data_bytes);

  TensorMap tensors;
  for (const auto& [name, entry] : entries) {
    tensors.emplace(name, mapped_source(entry.shape, entry.dtype, map, data_begin + entry.begin));
  }
  return tensors;
}

std::map<std::string, std::string> read_safetensors_metadata(const fs::path& path) {
  const FileMap map(path);
  const Json json = read_header(map, header_of(map));
  const auto found = json.find("__metadata__");
  if (found == json.end()) return {};
  check_metadata(*found, path.string());
  return found->get<std::map<std::string, std::string>>();
}

namespace {

struct Item {
  std::string name;
  SourcePtr source;
  DType type;
};

bool is_float(DType type) {
  return type == DType::f64 || type == DType::f32 || type == DType::f16 || type == DType::bf16 ||
         type == DType::f8_e4m3 || type == DType::f8_e5m2;
}

/// In an order that keeps every tensor aligned to its own type.
std::vector<Item> items_of(const TensorMap& tensors, std::optional<DType> as) {
  std::vector<Item> items;
  for (const auto& [name, source] : tensors) {
    const DType stored = source->stored();
    items.push_back({name, source, is_float(stored) ? as.value_or(stored) : stored});
  }
  std::stable_sort(items.begin(), items.end(),
                   [](const Item& a, const Item& b) { return bytes_of(a.type) > bytes_of(b.type); });
  return items;
}

std::string header_text(const std::vector<Item>& items) {
  Json json;
  json["__metadata__"]["format"] = "pt";  // some readers insist
  std::uint64_t offset = 0;
  for (const Item& item : items) {
    const Shape& shape = item.source->shape();
    const auto end = offset + static_cast<std::uint64_t>(shape.elements()) * bytes_of(item.type);
    const auto known =
        std::find_if(kHeaderTypes.begin(), kHeaderTypes.end(), [&](const auto& t) { return t.second == item.type; });
    json[item.name] = {{"dtype", known->first},
                       {"shape", std::vector<std::int64_t>(shape.begin(), shape.end())},
                       {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = json.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

void write_values(AtomicFile& file, const Item& item) {
  constexpr std::int64_t kBlock = 1 << 16;
  const std::int64_t n = item.source->shape().elements();
  std::vector<float> values(static_cast<std::size_t>(std::min(n, kBlock)));
  std::vector<std::byte> bytes(values.size() * bytes_of(item.type));
  for (std::int64_t first = 0; first < n; first += kBlock) {
    const auto elements = static_cast<std::size_t>(std::min(kBlock, n - first));
    const auto block = std::span(bytes).first(elements * bytes_of(item.type));
    if (item.type == item.source->stored()) {
      read_stored(*item.source, first, block);
    } else {
      item.source->read(first, std::span(values).first(elements));
      from_float(std::span(values).first(elements), item.type, block.data());
    }
    file.write(block);
  }
}

}  // namespace

void write_safetensors(const fs::path& path, const TensorMap& tensors, std::optional<DType> as) {
  check(!as || *as == DType::f32 || *as == DType::bf16 || *as == DType::f16, ErrorCode::unsupported,
        "{}: cannot round weights to {}, only to f32, bf16 and f16", path.string(), as ? name_of(*as) : "");
  const std::vector<Item> items = items_of(tensors, as);
  const std::string header = header_text(items);
  std::array<std::byte, kLengthBytes> length;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length[i] = static_cast<std::byte>(header.size() >> (8 * i));
  AtomicFile file(path);
  file.write(length);
  file.write(header);
  for (const Item& item : items) write_values(file, item);
  file.commit();
}

}  // namespace sumi
