#include "hub/answer.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "core/json.h"
#include "core/settings.h"
#include "hub/name.h"

namespace sumi {
namespace {

constexpr std::size_t kMostFiles = 100000;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 44;  // 17 TB: some thousand times the largest model of today
constexpr std::size_t kMostHeaders = 200;

bool is_digest(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

/// Of an entity tag, which may be quoted and weak. Empty where it is none of the hub's.
std::string digest_of_tag(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') tag = tag.substr(1, tag.size() - 2);
  const std::string digest = lower(tag);
  return is_digest(digest) ? digest : "";
}

HubFile parse_file(const Json& json, const std::string& where) {
  const Settings entry(json, where + ": siblings");
  HubFile file{.path = entry.text("rfilename", "")};
  check(is_safe_path(file.path), ErrorCode::bad_file, "{}: '{}' is no path of a file in a repository", where,
        file.path);
  const Settings names(json, fmt::format("{}: {}", where, file.path));
  const auto size_of = [](const Settings& from) { return from.optional_integer("size", 0, kMostBytes); };
  std::optional<std::int64_t> size = size_of(names);
  std::string digest = names.text("blobId", "");
  if (names.has("lfs")) {
    const Settings large(names.at("lfs"), names.where() + ": lfs");
    digest = large.text("sha256", large.text("oid", ""));
    if (const auto told = size_of(large)) size = told;
  }
  if (size) file.size = static_cast<std::uint64_t>(*size);
  check(digest.empty() || is_digest(digest), ErrorCode::bad_file, "{}: '{}' is no digest", names.where(), digest);
  file.digest = std::move(digest);
  return file;
}

}  // namespace

Repository parse_repository(std::string_view json, const std::string& where) {
  const Settings answer(parse_json(json, where), where);
  Repository repository{.commit = answer.text("sha", "")};
  check(is_commit(repository.commit), ErrorCode::bad_file, "{}: names no commit", where);
  const Json& siblings = answer.at("siblings");
  check(siblings.is_array() && siblings.size() <= kMostFiles, ErrorCode::bad_file,
        "{}: siblings: expected a list of at most {} files", where, kMostFiles);
  std::set<std::string> seen;
  for (const Json& each : siblings) {
    HubFile file = parse_file(each, where);
    check(seen.insert(file.path).second, ErrorCode::bad_file, "{}: '{}' is there twice", where, file.path);
    repository.files.push_back(std::move(file));
  }
  return repository;
}

void add_header(Headers& headers, std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == line.npos || colon == 0 || headers.size() >= kMostHeaders) return;
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && blank(value.back())) value.remove_suffix(1);
  headers[lower(line.substr(0, colon))] = value;
}

std::string header(const Headers& headers, const char* name) {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> range_begin(const Headers& headers) {
  const std::string range = header(headers, "content-range");
  constexpr std::string_view kUnit = "bytes ";
  if (!range.starts_with(kUnit)) return std::nullopt;
  const std::size_t dash = range.find('-');
  if (dash == range.npos) return std::nullopt;
  return whole_number(std::string_view(range).substr(kUnit.size(), dash - kUnit.size()));
}

std::optional<HubFile> describe_file(const std::string& path, const std::vector<Headers>& answers) {
  struct Names {
    const char *tag, *size;
  };
  for (const Names& names : {Names{"x-linked-etag", "x-linked-size"}, Names{"etag", "content-length"}}) {
    for (const Headers& headers : answers) {
      const std::string digest = digest_of_tag(header(headers, names.tag));
      const auto size = whole_number(header(headers, names.size));
      if (digest.empty() || (size && *size > static_cast<std::uint64_t>(kMostBytes))) continue;
      return HubFile{.path = path, .size = size, .digest = digest};
    }
  }
  return std::nullopt;
}

}  // namespace sumi
