#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace sumi {

using Json = nlohmann::json;

/// A JSON file of at most `limit` bytes. Error(not_found), Error(io) or Error(bad_file) with the path and the place; a
/// key that one object has twice is an error too.
Json read_json(const std::filesystem::path& path, std::size_t limit = 64u << 20);
/// The same from text; `where` names it in errors.
Json parse_json(std::string_view text, const std::string& where);

}  // namespace sumi
