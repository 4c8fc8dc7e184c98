#include "text/prompt.h"

#include <cmath>

#include "fuzz.h"
#include "text/tokenizer.h"

namespace sumi {
namespace {

void encode(const Tokenizer& tokenizer, std::string_view prompt) {
  const auto padded = tokenizer.padded(prompt);
  fuzz::expect(padded.size() == 77 && padded.front() == tokenizer.bos());
  std::size_t bytes = 0;
  for (const PromptPiece& piece : weighted_pieces(prompt)) {
    bytes += piece.text.size();
    fuzz::expect(piece.ends_chunk == piece.text.empty());
    fuzz::expect(std::isfinite(piece.weight));
    // The syntax is ASCII, so what is cut out of UTF-8 is UTF-8.
    for (const auto id : tokenizer.encode(piece.text)) fuzz::expect(id >= 0 && id < tokenizer.vocabulary_size());
  }
  fuzz::expect(bytes <= prompt.size());
}

void take(std::string prompt) {
  const std::size_t size = prompt.size();
  for (const PromptAdapter& adapter : take_adapters(prompt)) {
    fuzz::expect(!adapter.name.empty() && std::isfinite(adapter.weight) && std::isfinite(adapter.text_weight));
  }
  fuzz::expect(prompt.size() <= size);
}

}  // namespace
}  // namespace sumi

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto tokenizer = sumi::Tokenizer::load(SUMI_SOURCE_DIR "/tests/fixtures/tokenizer");
  sumi::fuzz::may_fail([&] { sumi::encode(tokenizer, sumi::fuzz::text_of(data, size)); });
  sumi::fuzz::may_fail([&] { sumi::take(std::string(sumi::fuzz::text_of(data, size))); });
  return 0;
}
