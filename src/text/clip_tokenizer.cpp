#include "text/clip_tokenizer.h"

#include <algorithm>
#include <zlib.h>

#include "core/check.h"
#include "core/json.h"
#include "text/bpe.h"

// The file as it is, in the data of the program: a compiler takes minutes for an array of a million numbers.
asm(R"(
  .section .rodata
  .global sumi_clip_merges, sumi_clip_merges_end
  .hidden sumi_clip_merges, sumi_clip_merges_end
sumi_clip_merges:
  .incbin ")" SUMI_CLIP_MERGES R"("
sumi_clip_merges_end:
  .byte 0
  .previous
)");
extern "C" const unsigned char sumi_clip_merges[], sumi_clip_merges_end[];

namespace sumi {
namespace {

constexpr std::size_t kMerges = 48894;  // of the 262,144 in the file; with 2 * 256 bytes and 2 special tokens 49,408

/// The file's text, or as much as has all merges.
std::string unpacked() {
  std::string text(2u << 20, '\0');
  z_stream stream{};
  stream.next_in = const_cast<unsigned char*>(sumi_clip_merges);
  stream.avail_in = static_cast<unsigned>(sumi_clip_merges_end - sumi_clip_merges);
  stream.next_out = reinterpret_cast<unsigned char*>(text.data());
  stream.avail_out = static_cast<unsigned>(text.size());
  constexpr int kGzip = 16;
  bool good = inflateInit2(&stream, kGzip + MAX_WBITS) == Z_OK;
  if (good) {
    const int status = inflate(&stream, Z_FINISH);
    good = status == Z_STREAM_END || status == Z_BUF_ERROR;  // the text is longer than what is wanted of it
    inflateEnd(&stream);
  }
  check(good, ErrorCode::out_of_memory, "CLIP's tokenizer cannot be unpacked");
  return text.substr(0, text.size() - stream.avail_out);
}

/// The merges, one a line, below their header.
std::string merges_text() {
  std::string text = unpacked();
  text.erase(0, text.find('\n') + 1);
  std::size_t end = 0;
  for (std::size_t line = 0; line < kMerges; ++line) end = text.find('\n', end) + 1;
  return "#version: 0.2\n" + text.substr(0, end);
}

/// Every token's id: the bytes, the bytes at the end of a word, what each merge makes, start and end of a text.
Json vocabulary_of(std::string_view merges) {
  Json ids = Json::object();
  const auto add = [&](std::string token) { ids.emplace(std::move(token), ids.size()); };
  auto bytes = byte_alphabet();
  std::sort(bytes.begin(), bytes.end());  // those that print come first, as their code points do
  for (const auto& byte : bytes) add(byte);
  for (const auto& byte : bytes) add(byte + "</w>");
  merges.remove_prefix(merges.find('\n') + 1);
  while (!merges.empty()) {
    std::string token(merges.substr(0, merges.find('\n')));
    merges.remove_prefix(token.size() + 1);
    token.erase(token.find(' '), 1);
    add(std::move(token));
  }
  add("<|startoftext|>");
  add("<|endoftext|>");
  return ids;
}

Json special(const std::string& token) {
  return {{"content", token}, {"lstrip", false}, {"normalized", true}, {"rstrip", false}, {"single_word", false}};
}

}  // namespace

TokenizerFiles clip_tokenizer_files(const std::string& pad) {
  const std::string start = "<|startoftext|>", end = "<|endoftext|>";
  const Json roles{
      {"bos_token", special(start)}, {"eos_token", special(end)}, {"unk_token", special(end)}, {"pad_token", pad}};
  Json config = roles;
  config.update({{"add_prefix_space", false},
                 {"do_lower_case", true},
                 {"errors", "replace"},
                 {"model_max_length", 77},
                 {"tokenizer_class", "CLIPTokenizer"}});
  TokenizerFiles files{.where = "CLIP's tokenizer"};
  files.merges = merges_text();
  files.vocab = vocabulary_of(*files.merges).dump();
  files.config = config.dump(2);
  files.special_map = roles.dump(2);
  return files;
}

}  // namespace sumi
