#include "core/json.h"

#include <cmath>
#include <fstream>
#include <unordered_set>

#include "core/paths.h"

namespace sumi {

Json parse_json(std::string_view text, const std::string& where) {
  // The library would exhaust the stack destroying a value nested deeply enough, and keeps the last of equal keys.
  std::vector<std::unordered_set<std::string>> keys;  // of the objects and arrays that are open
  const auto checked = [&](int, Json::parse_event_t event, Json& value) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) keys.emplace_back();
    if (event == Event::object_end || event == Event::array_end) keys.pop_back();
    check(keys.size() <= 100, ErrorCode::bad_file, "{}: nested more than 100 deep", where);
    if (event == Event::key) {
      const auto& key = value.get_ref<const std::string&>();
      check(keys.back().insert(key).second, ErrorCode::bad_file, "{}: '{}' is there twice", where, key);
    }
    return true;
  };
  try {
    return Json::parse(text, checked);
  } catch (const Json::parse_error& error) {
    fail(ErrorCode::bad_file, "{}: not valid JSON at byte {}", where, error.byte);
  } catch (const Json::exception& error) {
    fail(ErrorCode::bad_file, "{}: not usable JSON: {}", where, error.what());
  }
}

Json read_json(const std::filesystem::path& path, std::size_t limit) {
  check(is_file(path), ErrorCode::not_found, "{}: no such file", path.string());
  std::error_code ignored;
  const auto bytes = std::filesystem::file_size(path, ignored);
  check(bytes <= limit, ErrorCode::bad_file, "{}: {} bytes is too long for JSON, the limit is {}", path.string(), bytes,
        limit);
  std::ifstream file(path, std::ios::binary);
  check(file.good(), ErrorCode::io, "{}: cannot be read", path.string());
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  check(!file.bad(), ErrorCode::io, "{}: reading failed", path.string());
  return parse_json(text, path.string());
}

Settings::Settings(Json object, std::string where) : object_(std::move(object)), where_(std::move(where)) {
  check(object_.is_object(), ErrorCode::bad_file, "{}: expected an object of settings", where_);
}

bool Settings::has(const char* key) const {
  const auto found = object_.find(key);
  return found != object_.end() && !found->is_null();
}

const Json& Settings::at(const char* key) const {
  if (!has(key)) reject(key, "missing");
  return object_.find(key).value();
}

std::optional<std::int64_t> Settings::optional_integer(const char* key, std::int64_t least, std::int64_t most) const {
  if (!has(key)) return std::nullopt;
  return integer(key, 0, least, most);
}

namespace {

std::int64_t integer_of(const Settings& settings, const char* key, const Json& value, std::int64_t least,
                        std::int64_t most) {
  const bool fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX)
                                               : value.is_number_integer();
  if (!fits) settings.reject(key, "expected an integer, found {}", value.dump().substr(0, 40));
  const auto n = value.get<std::int64_t>();
  if (n < least || n > most) settings.reject(key, "{} is outside {} to {}", n, least, most);
  return n;
}

}  // namespace

std::int64_t Settings::integer(const char* key, std::int64_t otherwise, std::int64_t least, std::int64_t most) const {
  return has(key) ? integer_of(*this, key, at(key), least, most) : otherwise;
}

double Settings::number(const char* key, double otherwise) const {
  if (!has(key)) return otherwise;
  const Json& value = at(key);
  if (!value.is_number() || !std::isfinite(value.get<double>())) reject(key, "expected a number");
  return value.get<double>();
}

bool Settings::flag(const char* key, bool otherwise) const {
  if (!has(key)) return otherwise;
  if (!at(key).is_boolean()) reject(key, "expected true or false");
  return at(key).get<bool>();
}

std::string Settings::text(const char* key, std::string otherwise) const {
  if (!has(key)) return otherwise;
  if (!at(key).is_string()) reject(key, "expected a string");
  return at(key).get<std::string>();
}

std::vector<std::int64_t> Settings::integers(const char* key, std::int64_t otherwise, std::size_t count,
                                             std::int64_t least, std::int64_t most) const {
  if (!has(key)) return std::vector<std::int64_t>(count, otherwise);
  const Json& value = at(key);
  if (!value.is_array()) return std::vector<std::int64_t>(count, integer_of(*this, key, value, least, most));
  if (value.size() != count) reject(key, "{} values, expected {}", value.size(), count);
  std::vector<std::int64_t> numbers;
  for (const Json& item : value) numbers.push_back(integer_of(*this, key, item, least, most));
  return numbers;
}

std::vector<std::string> Settings::texts(const char* key) const {
  const Json& value = at(key);
  if (!value.is_array()) reject(key, "expected a list of strings");
  std::vector<std::string> items;
  for (const Json& item : value) {
    if (!item.is_string()) reject(key, "expected a list of strings");
    items.push_back(item.get<std::string>());
  }
  return items;
}

}  // namespace sumi
