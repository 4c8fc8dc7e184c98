#include "weights/pickled.h"

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "weights/pickle.h"
#include "weights/stored.h"
#include "weights/zip.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;
using Kind = PickleValue::Kind;

constexpr int kMostLevels = 16;
constexpr std::size_t kMostLetters = 512;
constexpr std::size_t kMostEntries = 500'000;

/// Packages whose objects lie in training checkpoints. They are not weights, and nothing here makes them.
constexpr std::array<std::string_view, 26> kKnownPackages{"torch",
                                                          "pytorch_lightning",
                                                          "lightning",
                                                          "lightning_fabric",
                                                          "lightning_utilities",
                                                          "numpy",
                                                          "omegaconf",
                                                          "argparse",
                                                          "collections",
                                                          "datetime",
                                                          "pathlib",
                                                          "enum",
                                                          "typing",
                                                          "copyreg",
                                                          "copy_reg",
                                                          "_codecs",
                                                          "ldm",
                                                          "sgm",
                                                          "diffusers",
                                                          "transformers",
                                                          "fractions",
                                                          "decimal",
                                                          "safetensors",
                                                          "accelerate",
                                                          "torchmetrics",
                                                          "easydict"};
/// Of Python itself only types: its functions are what malicious files call.
constexpr std::array<std::string_view, 19> kKnownTypes{
    "dict",  "list",   "set",  "frozenset", "tuple", "int",  "float",   "bool",      "str",     "complex",
    "bytes", "object", "long", "slice",     "range", "type", "unicode", "bytearray", "Ellipsis"};

bool is_known(std::string_view name) {
  const std::string_view package = name.substr(0, name.find('.'));
  if (package == "__builtin__" || package == "builtins") {
    return std::find(kKnownTypes.begin(), kKnownTypes.end(), name.substr(package.size() + 1)) != kKnownTypes.end();
  }
  return std::find(kKnownPackages.begin(), kKnownPackages.end(), package) != kKnownPackages.end();
}

struct NamedType {
  std::string_view name;
  DType type;
};
/// Storages and types by the names that PyTorch gives them after "torch.".
constexpr std::array<NamedType, 24> kTorchTypes{{{"DoubleStorage", DType::f64},
                                                 {"FloatStorage", DType::f32},
                                                 {"HalfStorage", DType::f16},
                                                 {"BFloat16Storage", DType::bf16},
                                                 {"Float8_e4m3fnStorage", DType::f8_e4m3},
                                                 {"Float8_e5m2Storage", DType::f8_e5m2},
                                                 {"LongStorage", DType::i64},
                                                 {"IntStorage", DType::i32},
                                                 {"ShortStorage", DType::i16},
                                                 {"CharStorage", DType::i8},
                                                 {"ByteStorage", DType::u8},
                                                 {"BoolStorage", DType::boolean},
                                                 {"float64", DType::f64},
                                                 {"float32", DType::f32},
                                                 {"float16", DType::f16},
                                                 {"bfloat16", DType::bf16},
                                                 {"float8_e4m3fn", DType::f8_e4m3},
                                                 {"float8_e5m2", DType::f8_e5m2},
                                                 {"int64", DType::i64},
                                                 {"int32", DType::i32},
                                                 {"int16", DType::i16},
                                                 {"int8", DType::i8},
                                                 {"uint8", DType::u8},
                                                 {"bool", DType::boolean}}};
constexpr std::string_view kUntyped = "torch.storage.UntypedStorage";

DType type_of(const PickleValue& name, const std::string& where) {
  if (name.kind == Kind::name && name.text == kUntyped) return DType::u8;
  const auto known = std::find_if(kTorchTypes.begin(), kTorchTypes.end(), [&](const NamedType& type) {
    return name.kind == Kind::name && name.text.starts_with("torch.") && name.text.substr(6) == type.name;
  });
  check(known != kTorchTypes.end(), ErrorCode::unsupported, "{}: stored as '{}', a type that is not supported", where,
        name.text);
  return known->type;
}

/// Where the elements of a storage lie in the file.
struct Storage {
  std::size_t offset, bytes;
};
using FindStorage = std::function<Storage(const std::string& key)>;

/// Turns the values of a pickle into tensors and plain values.
class Reader {
 public:
  Reader(std::shared_ptr<const FileMap> map, FindStorage storage)
      : map_(std::move(map)), where_(map_->path().string()), storage_(std::move(storage)) {}

  PickledFile read(const PickleValue& root) {
    flatten(root, "", 0);
    return std::move(file_);
  }

 private:
  const PickleValue& argument(const PickleValue& call, std::size_t i, const std::string& name) const {
    const PickleValue& arguments = *call.items.at(1);
    check(arguments.kind == Kind::sequence && i < arguments.items.size(), ErrorCode::bad_file,
          "{}: '{}' has too few arguments", where_, name);
    return *arguments.items[i];
  }

  std::int64_t count(const PickleValue& value, const std::string& name) const {
    check(value.kind == Kind::integer && value.integer >= 0 && value.integer < (std::int64_t{1} << 60),
          ErrorCode::bad_file, "{}: '{}': a size or offset is {}, not a number from 0", where_, name,
          value.kind == Kind::integer ? fmt::format("{}", value.integer) : "something else");
    return value.integer;
  }

  std::vector<std::int64_t> counts(const PickleValue& list, const std::string& name) const {
    check(list.kind == Kind::sequence && list.items.size() <= Shape::max_rank, ErrorCode::bad_file,
          "{}: '{}': expected up to {} sizes and strides", where_, name, Shape::max_rank);
    std::vector<std::int64_t> numbers;
    for (const PickleValue* item : list.items) numbers.push_back(count(*item, name));
    return numbers;
  }

  /// The storage that a tensor names, as elements of its type: ("storage", type, key, device, elements, view).
  SourcePtr storage(const PickleValue& persistent, std::optional<DType> as, const std::string& name) const {
    const PickleValue* id = persistent.kind == Kind::persistent ? persistent.items.front() : nullptr;
    check(id && id->kind == Kind::sequence && id->items.size() >= 5 && id->items[0]->text == "storage" &&
              id->items[2]->kind == Kind::text,
          ErrorCode::bad_file, "{}: '{}' has no storage", where_, name);
    check(id->items.size() < 6 || id->items[5]->kind == Kind::none, ErrorCode::unsupported,
          "{}: '{}' shares a part of a storage, as only very old files do; load it with PyTorch and save it again",
          where_, name);
    const DType stored = type_of(*id->items[1], fmt::format("{}: '{}'", where_, name));
    const DType type = as.value_or(stored);
    const Storage place = storage_(id->items[2]->text);
    const auto wanted = static_cast<std::uint64_t>(count(*id->items[4], name));
    check(wanted <= place.bytes / bytes_of(stored), ErrorCode::bad_file,
          "{}: '{}': a storage of {} {} has only {} bytes; the file may be cut short", where_, name, wanted,
          name_of(stored), place.bytes);
    const auto elements = static_cast<std::int64_t>(wanted * bytes_of(stored) / bytes_of(type));
    return mapped_source({elements}, type, map_, place.offset);
  }

  /// `base`'s elements under a shape and strides that must stay inside.
  SourcePtr strided(const SourcePtr& base, std::int64_t offset, const std::vector<std::int64_t>& sizes,
                    const std::vector<std::int64_t>& strides, const std::string& name) const {
    const std::int64_t all = base->shape().elements();
    std::int64_t elements = 1, last = offset;
    bool inside = sizes.size() == strides.size();
    for (std::size_t i = 0; i < sizes.size() && inside; ++i) {
      std::int64_t reach = 0;
      inside = !__builtin_mul_overflow(elements, sizes[i], &elements) &&
               !__builtin_mul_overflow(std::max<std::int64_t>(sizes[i] - 1, 0), strides[i], &reach) &&
               !__builtin_add_overflow(last, reach, &last);
    }
    inside = inside && (elements == 0 || (last < all && elements <= all));
    check(inside, ErrorCode::bad_file, "{}: '{}' reaches outside its storage of {} elements", where_, name, all);
    return view_source(base, Shape(sizes), strides, offset);
  }

  /// The tensor that a call would make, or null where it makes something else.
  SourcePtr tensor(const PickleValue& call, const std::string& name, int level) const {
    check(level < kMostLevels, ErrorCode::bad_file, "{}: '{}': tensors in tensors", where_, name);
    const std::string& made_by = call.items.front()->text;
    if (made_by == "torch._utils._rebuild_parameter" || made_by == "torch._utils._rebuild_parameter_with_state") {
      const PickleValue& inner = argument(call, 0, name);
      return inner.kind == Kind::call ? tensor(inner, name, level + 1) : nullptr;
    }
    if (made_by == "torch._tensor._rebuild_from_type_v2") {
      PickleValue inner;
      inner.kind = Kind::call;
      inner.items = {&argument(call, 0, name), &argument(call, 2, name)};
      return tensor(inner, name, level + 1);
    }
    const bool typed = made_by == "torch._utils._rebuild_tensor_v3";
    if (!typed && made_by != "torch._utils._rebuild_tensor_v2" && made_by != "torch._utils._rebuild_tensor") return {};
    std::optional<DType> type;
    if (typed) type = type_of(argument(call, 6, name), fmt::format("{}: '{}'", where_, name));
    const SourcePtr base = storage(argument(call, 0, name), type, name);
    const std::int64_t offset = count(argument(call, 1, name), name);
    const auto sizes = counts(argument(call, 2, name), name);
    return strided(base, offset, sizes, counts(argument(call, 3, name), name), name);
  }

  std::string joined(const std::string& prefix, const PickleValue& key) const {
    const std::string text = key.kind == Kind::integer ? fmt::format("{}", key.integer) : key.text;
    check(prefix.size() + text.size() < kMostLetters, ErrorCode::bad_file, "{}: a name of over {} letters", where_,
          kMostLetters);
    return prefix.empty() ? text : prefix + "." + text;
  }

  void flatten_pairs(const PickleValue& value, const std::string& name, int level) {
    for (std::size_t i = 0; i + 1 < value.pairs.size(); i += 2) {
      const Kind key = value.pairs[i]->kind;
      if (key != Kind::text && key != Kind::integer) continue;
      flatten(*value.pairs[i + 1], joined(name, *value.pairs[i]), level + 1);
    }
  }

  void flatten_items(const PickleValue& value, const std::string& name, int level) {
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      flatten(*value.items[i],
              joined(name, PickleValue{.kind = Kind::integer, .integer = static_cast<std::int64_t>(i)}), level + 1);
    }
  }

  void flatten_call(const PickleValue& call, const std::string& name, int level) {
    if (SourcePtr source = tensor(call, name, 0)) {
      file_.tensors.emplace(name, std::move(source));
      return;
    }
    const std::string& made_by = call.items.front()->text;
    if (made_by != "collections.OrderedDict" && made_by != "collections.defaultdict") return;
    flatten_pairs(call, name, level);
    // The oldest form: made from a list of pairs.
    const PickleValue& arguments = *call.items[1];
    if (arguments.items.size() != 1 || made_by != "collections.OrderedDict") return;
    for (const PickleValue* pair : arguments.items[0]->items) {
      if (pair->kind != Kind::sequence || pair->items.size() != 2) continue;
      flatten(*pair->items[1], joined(name, *pair->items[0]), level + 1);
    }
  }

  void flatten(const PickleValue& value, const std::string& name, int level) {
    check(level <= kMostLevels && ++entries_ <= kMostEntries, ErrorCode::bad_file,
          "{}: nested more than {} deep or over {} entries, at '{}'", where_, kMostLevels, kMostEntries, name);
    switch (value.kind) {
      case Kind::boolean: file_.values.emplace(name, value.integer != 0); break;
      case Kind::integer: file_.values.emplace(name, value.integer); break;
      case Kind::real: file_.values.emplace(name, value.real); break;
      case Kind::text: file_.values.emplace(name, value.text); break;
      case Kind::dict: flatten_pairs(value, name, level); break;
      case Kind::sequence: flatten_items(value, name, level); break;
      case Kind::call: flatten_call(value, name, level); break;
      default: break;
    }
  }

  std::shared_ptr<const FileMap> map_;
  std::string where_;
  FindStorage storage_;
  PickledFile file_;
  std::size_t entries_ = 0;
};

constexpr std::string_view kZip = "PK\3\4";
constexpr std::string_view kOldest("\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", 15);  // a pickled magic number

std::string_view beginning(const FileMap& map) {
  const auto bytes = map.bytes().first(std::min<std::size_t>(map.bytes().size(), kOldest.size()));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

PickledFile read_zip(const std::shared_ptr<const FileMap>& map) {
  const std::string where = map->path().string();
  const ZipEntries entries(*map);
  constexpr std::string_view kPickle = "data.pkl";
  const std::string pickle = entries.has(kPickle) ? std::string(kPickle) : entries.name_ending_in("/data.pkl");
  check(!pickle.empty(), ErrorCode::bad_file, "{}: a zip archive, but not one of PyTorch", where);
  const std::string folder = pickle.substr(0, pickle.size() - kPickle.size());
  if (entries.has(folder + "byteorder")) {
    const auto range = entries.find(folder + "byteorder");
    const std::string_view order(reinterpret_cast<const char*>(map->bytes().data()) + range.offset, range.bytes);
    check(order == "little", ErrorCode::unsupported, "{}: its byte order is '{}', only little is supported", where,
          order);
  }
  const auto range = entries.find(pickle);
  ByteReader in(map->bytes().subspan(range.offset, range.bytes), where);
  PickleDecoder decoder(is_known);
  Reader reader(map, [&](const std::string& key) {
    const auto storage = entries.find(folder + "data/" + key);
    return Storage{storage.offset, storage.bytes};
  });
  return reader.read(decoder.decode(in));
}

/// Before the zip form: pickles of a magic number, a version, the machine, the object and the keys of its storages,
/// then each storage, its number of elements first.
PickledFile read_oldest(const std::shared_ptr<const FileMap>& map) {
  const std::string where = map->path().string();
  ByteReader in(map->bytes(), where);
  PickleDecoder decoder(is_known);
  for (int header = 0; header < 2; ++header) decoder.decode(in);
  const PickleValue& machine = decoder.decode(in);
  for (std::size_t i = 0; i + 1 < machine.pairs.size(); i += 2) {
    check(machine.pairs[i]->text != "little_endian" || machine.pairs[i + 1]->integer == 1, ErrorCode::unsupported,
          "{}: its byte order is big, only little is supported", where);
  }
  const PickleValue& root = decoder.decode(in);
  const PickleValue& keys = decoder.decode(in);

  // The size of an element is known only to the tensors that name the storage, and is wanted here to pass over it.
  std::unordered_map<std::string, std::size_t> element_bytes;
  decoder.each([&](const PickleValue& value) {
    if (value.kind != Kind::persistent || value.items.front()->items.size() < 5) return;
    const auto& id = value.items.front()->items;
    element_bytes[id[2]->text] = bytes_of(type_of(*id[1], where));
  });
  std::unordered_map<std::string, Storage> storages;
  for (const PickleValue* key : keys.items) {
    const auto elements = in.number<std::uint64_t>();
    const auto size = element_bytes.find(key->text);
    check(size != element_bytes.end() && elements <= in.left() / size->second, ErrorCode::bad_file,
          "{}: a storage of {} elements is not used or lies outside the file; it may be cut short", where, elements);
    const std::size_t bytes = static_cast<std::size_t>(elements) * size->second;
    storages.emplace(key->text, Storage{in.at(), bytes});
    in.skip(bytes);
  }
  Reader reader(map, [&](const std::string& key) {
    const auto found = storages.find(key);
    check(found != storages.end(), ErrorCode::bad_file, "{}: storage '{}' is missing in it", where, key);
    return found->second;
  });
  return reader.read(root);
}

}  // namespace

bool is_pickled(const fs::path& path) {
  const FileMap map(path);
  const auto begin = beginning(map);
  return begin.starts_with(kZip) || begin == kOldest;
}

PickledFile read_pickled_file(const fs::path& path) {
  const auto map = std::make_shared<const FileMap>(path);
  const auto begin = beginning(*map);
  check(begin.starts_with(kZip) || begin == kOldest, ErrorCode::bad_file, "{}: not a file that PyTorch saved",
        path.string());
  PickledFile file = begin.starts_with(kZip) ? read_zip(map) : read_oldest(map);
  map->check();
  return file;
}

TensorMap read_pickled(const fs::path& path) {
  TensorMap all = read_pickled_file(path).tensors;
  for (const std::string prefix : {"state_dict.", "params_ema.", "params."}) {
    TensorMap inner;
    for (auto item = all.lower_bound(prefix); item != all.end() && item->first.starts_with(prefix); ++item) {
      inner.emplace(item->first.substr(prefix.size()), item->second);
    }
    if (!inner.empty()) return inner;
  }
  return all;
}

}  // namespace sumi
