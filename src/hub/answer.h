#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sumi {

/// A file of a repository as the hub describes it.
struct HubFile {
  std::string path;  ///< safe below any folder
  std::optional<std::uint64_t> size;
  /// The hub's name for the content: 64 hexadecimal digits of SHA-256, or 40 of git's SHA-1 over a header with the size
  /// and the content. Empty where the hub did not say.
  std::string digest;
};

struct Repository {
  std::string commit;
  std::vector<HubFile> files;
};

/// The hub's description of a repository. `where` names it in errors. Error(bad_file) for what is none: other JSON,
/// HTML, paths that lead elsewhere, absurd sizes.
Repository parse_repository(std::string_view json, const std::string& where);

/// Headers of one answer; the names in lower case.
using Headers = std::map<std::string, std::string>;

/// Adds a line of the form "Name: value". What is none, and more lines than a sane server sends, are left out.
void add_header(Headers& headers, std::string_view line);

/// "" where there is none.
std::string header(const Headers& headers, const char* name);

/// A whole non-negative number, of a header.
std::optional<std::uint64_t> whole_number(std::string_view text);

/// The first byte of a partial answer, from "Content-Range: bytes 100-199/200".
std::optional<std::uint64_t> range_begin(const Headers& headers);

/// What the answers to a HEAD of a file, one a redirect, tell of it: the digest of X-Linked-Etag, else of ETag, and its
/// size. Nothing where no answer names a digest.
std::optional<HubFile> describe_file(const std::string& path, const std::vector<Headers>& answers);

}  // namespace sumi
