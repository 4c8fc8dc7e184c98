#include "image/parameters.h"

#include <cctype>
#include <cstddef>
#include <optional>

#include <fmt/format.h>

#include "core/json.h"

namespace sumi {
namespace {

constexpr std::string_view kNegative = "Negative prompt:";
constexpr std::size_t kFewestSettings = 3;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string quoted(const std::string& value) {
  // A value that begins like a quoted one must be quoted too, or it would be read as one.
  if (value.find_first_of(",:\n") == std::string::npos && !value.starts_with('"')) return value;
  return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::string(value);
  const Json json = Json::parse(value, nullptr, false);
  return json.is_string() ? json.get<std::string>() : std::string(value);
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80); }

/// A key of two or more of letters, digits, blanks, - and /, beginning with a letter or digit.
bool is_key(std::string_view text) {
  if (text.size() < 2 || !is_word(text.front())) return false;
  for (const char c : text) {
    if (!is_word(c) && c != ' ' && c != '-' && c != '/') return false;
  }
  return true;
}

/// Where the quoted value that begins at `at` ends, if a comma or nothing follows it.
std::optional<std::size_t> end_of_quoted(std::string_view line, std::size_t at) {
  if (at >= line.size() || line[at] != '"') return std::nullopt;
  for (std::size_t i = at + 1; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      if (i + 1 == line.size() || line[i + 1] == ',') return i + 1;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> parse_settings(std::string_view line) {
  std::vector<std::pair<std::string, std::string>> settings;
  std::size_t at = 0;
  while (at < line.size()) {
    const std::size_t comma = std::min(line.find(',', at), line.size());
    const std::size_t colon = line.substr(0, comma).find(':', at);
    if (colon == std::string_view::npos) {
      at = comma + 1;
      continue;
    }
    const std::string_view key = trimmed(line.substr(at, colon - at));
    std::size_t begin = colon + 1;
    while (begin < line.size() && line[begin] == ' ') ++begin;
    const std::size_t end = end_of_quoted(line, begin).value_or(comma);
    if (is_key(key)) settings.emplace_back(key, unquoted(trimmed(line.substr(begin, end - begin))));
    at = end + 1;
  }
  return settings;
}

void append_line(std::string& text, std::string_view line) {
  if (!text.empty()) text.push_back('\n');
  text += line;
}

}  // namespace

std::string format_parameters(const Parameters& parameters) {
  std::string text = parameters.prompt;
  if (!parameters.negative.empty()) text += fmt::format("\n{} {}", kNegative, parameters.negative);
  std::string_view separator = "\n";
  for (const auto& [key, value] : parameters.settings) {
    text += fmt::format("{}{}: {}", separator, key, quoted(value));
    separator = ", ";
  }
  return text;
}

Parameters parse_parameters(std::string_view text) {
  text = trimmed(text);
  Parameters parameters;
  const auto last_break = text.rfind('\n');
  const auto last_line = last_break == std::string_view::npos ? text : text.substr(last_break + 1);
  parameters.settings = parse_settings(last_line);
  if (parameters.settings.size() < kFewestSettings) {
    parameters.settings.clear();
  } else {
    text.remove_suffix(last_break == std::string_view::npos ? text.size() : text.size() - last_break);
  }
  bool negative = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!negative && line.starts_with(kNegative)) {
      negative = true;
      line = trimmed(line.substr(kNegative.size()));
    }
    append_line(negative ? parameters.negative : parameters.prompt, line);
  }
  return parameters;
}

}  // namespace sumi
