#pragma once

#include <string>
#include <zlib.h>

#include "core/check.h"
#include "core/json.h"
#include "text/vocabulary.h"

namespace sumi::test {

/// The tokenizer of CLIP itself, made from its list of merges: the 256 bytes in CLIP's order, the same at the end of a
/// word, a token for each merge, and the two special ones.
inline TokenizerFiles clip_files() {
  const std::string path = SUMI_SOURCE_DIR "/tests/fixtures/clip-bpe/bpe_simple_vocab_16e6.txt.gz";
  constexpr std::size_t kMerges = 48894;
  Json vocab = Json::object();
  const auto add = [&](std::string token) { vocab.emplace(std::move(token), vocab.size()); };
  const auto add_bytes = [&](const std::string& ending) {
    const auto utf8 = [](unsigned point) {
      if (point < 0x80) return std::string(1, static_cast<char>(point));
      return std::string{static_cast<char>(0xc0 | point >> 6), static_cast<char>(0x80 | (point & 0x3f))};
    };
    unsigned others = 0;
    for (unsigned byte = 33; byte < 256; ++byte) {
      if (byte < 127 || (byte > 160 && byte != 173)) add(utf8(byte) + ending);
    }
    while (others < 68) add(utf8(256 + others++) + ending);
  };
  add_bytes("");
  add_bytes("</w>");

  std::string merges = "#version: 0.2\n";
  gzFile file = gzopen(path.c_str(), "rb");
  check(file != nullptr, ErrorCode::io, "{}: cannot be opened", path);
  char line[1024];
  gzgets(file, line, sizeof line);  // a header
  for (std::size_t i = 0; i < kMerges && gzgets(file, line, sizeof line); ++i) {
    merges += line;
    std::string token = line;
    token.erase(token.find(' '), 1);
    token.erase(token.find('\n'));
    add(token);
  }
  gzclose(file);
  add("<|startoftext|>");
  add("<|endoftext|>");
  TokenizerFiles files;
  files.where = "clip";
  files.vocab = vocab.dump();
  files.merges = merges;
  return files;
}

}  // namespace sumi::test
