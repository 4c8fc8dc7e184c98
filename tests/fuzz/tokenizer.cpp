#include "text/tokenizer.h"

#include <array>
#include <optional>

#include "fuzz.h"

namespace sumi {
namespace {

/// The input up to a line of dashes, which it is shortened by. An empty part is a file that is missing.
std::optional<std::string> next_part(std::string_view& text) {
  constexpr std::string_view kLine = "\n----\n";
  const auto end = std::min(text.find(kLine), text.size());
  const std::string part(text.substr(0, end));
  text.remove_prefix(std::min(end + kLine.size(), text.size()));
  return part.empty() ? std::nullopt : std::optional(part);
}

void load_and_encode(std::string_view text) {
  TokenizerFiles files;
  files.where = "tokenizer";
  for (auto* file : {&files.vocab, &files.merges, &files.tokenizer, &files.config, &files.special_map}) {
    *file = next_part(text);
  }
  const Tokenizer tokenizer(parse_vocabulary(files));
  for (const std::string_view prompt : {std::string_view("ab abc <|endoftext|>"), text}) {
    const auto ids = tokenizer.padded(prompt);
    fuzz::expect(ids.size() == static_cast<std::size_t>(tokenizer.length()));
    for (const auto id : ids) fuzz::expect(id >= 0 && id < tokenizer.vocabulary_size());
  }
}

}  // namespace
}  // namespace sumi

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sumi::fuzz::may_fail([&] { sumi::load_and_encode(sumi::fuzz::text_of(data, size)); });
  return 0;
}
