#include "hub/name.h"

#include <algorithm>

#include <fmt/format.h>

namespace sumi {
namespace {

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_part(std::string_view part) {
  constexpr std::size_t kLongest = 96;  // the hub's own limit
  const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; };
  const auto at_edge = [](char c) { return c != '-' && c != '.'; };
  return !part.empty() && part.size() <= kLongest && std::all_of(part.begin(), part.end(), allowed) &&
         at_edge(part.front()) && at_edge(part.back()) && part.find("--") == part.npos && part.find("..") == part.npos;
}

bool is_revision(std::string_view text) {
  const auto allowed = [](char c) {
    return is_letter_or_digit(c) || std::string_view("-_./+").find(c) != std::string_view::npos;
  };
  return is_safe_path(text) && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

bool is_commit(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool is_safe_path(std::string_view path) {
  constexpr std::size_t kLongestPath = 1000, kLongestPart = 240;  // of file systems: 4096 and 255 with the cache's own
  const auto hostile = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\'; };
  if (path.size() > kLongestPath || std::any_of(path.begin(), path.end(), hostile)) return false;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.size() > kLongestPart) return false;
    begin = end + 1;
  }
  return true;
}

std::optional<HubName> parse_hub_name(std::string_view text) {
  HubName name;
  const std::size_t slash = text.find('/'), at = text.find('@');
  if (slash == text.npos || slash > at) return std::nullopt;
  name.owner = text.substr(0, slash);
  name.name = text.substr(slash + 1, at == text.npos ? at : at - slash - 1);
  if (at != text.npos) name.revision = text.substr(at + 1);
  if (!is_part(name.owner) || !is_part(name.name) || !is_revision(name.revision)) return std::nullopt;
  return name;
}

std::string url_quoted(std::string_view text, bool keep_slash) {
  std::string quoted;
  for (const char c : text) {
    if (is_letter_or_digit(c) || std::string_view("-_.~").find(c) != std::string_view::npos ||
        (keep_slash && c == '/')) {
      quoted += c;
    } else {
      quoted += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return quoted;
}

}  // namespace sumi
