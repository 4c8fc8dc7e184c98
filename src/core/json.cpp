#include "core/json.h"

#include <fstream>
#include <unordered_set>

#include "core/check.h"
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

}  // namespace sumi
