#include "core/settings.h"

#include <cmath>
#include <utility>

#include "core/json.h"

namespace sumi {

Settings::Settings(Json object, std::string where)
    : object_(std::make_shared<const Json>(std::move(object))), where_(std::move(where)) {
  check(object_->is_object(), ErrorCode::bad_file, "{}: expected an object of settings", where_);
}

bool Settings::has(const char* key) const {
  const auto found = object_->find(key);
  return found != object_->end() && !found->is_null();
}

const Json& Settings::at(const char* key) const {
  if (!has(key)) reject(key, "missing");
  return object_->find(key).value();
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
