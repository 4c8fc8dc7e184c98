#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sumi {

/// A model of a hub and which state of it.
struct HubName {
  std::string owner, name;
  std::string revision = "main";  ///< a branch, a tag or a commit

  std::string id() const { return owner + "/" + name; }
};

/// ORG/NAME[@REV] of the characters that hubs allow, or nothing. Every part is safe in a path and in a message.
std::optional<HubName> parse_hub_name(std::string_view text);

/// 40 hexadecimal digits.
bool is_commit(std::string_view text);

/// A path that stays below the folder it is appended to: relative, of parts that are neither empty, "." nor "..",
/// without control characters and backslashes, of lengths that file systems take.
bool is_safe_path(std::string_view path);

/// Percent-encoded for a URL; a slash too unless `keep_slash`.
std::string url_quoted(std::string_view text, bool keep_slash);

}  // namespace sumi
