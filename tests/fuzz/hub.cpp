#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "fuzz.h"
#include "hub/answer.h"
#include "hub/choose.h"
#include "hub/name.h"

namespace sumi {
namespace {

constexpr std::string_view kBetween = "\n----\n";

/// Takes what stands before the next separator off the text.
std::string_view next_part(std::string_view& text) {
  const std::size_t end = std::min(text.find(kBetween), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + kBetween.size(), text.size()));
  return part;
}

void check_choice(const std::vector<std::string>& names, const std::optional<Settings>& index) {
  const Choice choice = choose_files(names, index, "fp16");
  for (const std::string& file : choice.files) {
    fuzz::expect(std::find(names.begin(), names.end(), file) != names.end());
  }
  fuzz::expect(choice.candidates.empty() || choice.files.empty());
}

/// A description of a repository and the model_index.json in it.
void read_repository(std::string_view description, std::string_view index) {
  std::vector<std::string> names;
  for (const HubFile& file : parse_repository(description, "hub").files) {
    fuzz::expect(is_safe_path(file.path) && file.digest.find_first_of("/.") == std::string::npos);
    names.push_back(file.path);
  }
  check_choice(names, std::nullopt);
  match_files(names, {std::string(index)});
  check_choice(names, Settings(parse_json(index, "model_index.json"), "model_index.json"));
}

void read_headers(std::string_view lines) {
  Headers headers;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    add_header(headers, lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  range_begin(headers);
  if (const auto file = describe_file("x", {headers}))
    fuzz::expect(file->digest.size() == 40 || file->digest.size() == 64);
}

void read_name(std::string_view text) {
  if (const auto name = parse_hub_name(text)) {
    fuzz::expect(is_safe_path(name->id()) && is_safe_path(name->revision) &&
                 name->name.find("--") == std::string::npos);
  }
}

}  // namespace
}  // namespace sumi

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = sumi::fuzz::text_of(data, size);
  const std::string_view description = sumi::next_part(text), index = sumi::next_part(text),
                         headers = sumi::next_part(text);
  sumi::fuzz::may_fail([&] { sumi::read_repository(description, index); });
  sumi::read_headers(headers);
  sumi::read_name(text);
  return 0;
}
