#include <gtest/gtest.h>

#include "support/scratch.h"
#include "text/tokenizer.h"

namespace sumi {
namespace {

using test::expect_error;
using test::ScratchFolder;

const std::string kVocab =
    R"({"a":0,"b":1,"ab":2,"a</w>":3,"b</w>":4,"ab</w>":5,"<|startoftext|>":6,"<|endoftext|>":7})";
const std::string kMerges = "#version: 0.2\na b</w>\na b\n";

TokenizerFiles pair(std::string vocab, std::string merges) {
  TokenizerFiles files;
  files.where = "folder";
  files.vocab = std::move(vocab);
  files.merges = std::move(merges);
  return files;
}

std::vector<std::int32_t> encode(const TokenizerFiles& files, std::string_view text) {
  return Tokenizer(parse_vocabulary(files)).encode(text);
}

void expect_refused(const TokenizerFiles& files, std::string_view text, ErrorCode code = ErrorCode::bad_file) {
  expect_error(code, text, [&] { Tokenizer tokenizer(parse_vocabulary(files)); });
  expect_error(code, "folder", [&] { Tokenizer tokenizer(parse_vocabulary(files)); });
}

using Ids = std::vector<std::int32_t>;

TEST(TokenizerFiles, SmallOnesWork) {
  EXPECT_EQ(encode(pair(kVocab, kMerges), "ab aab abb b"), (Ids{5, 0, 5, 2, 4, 4}));
  EXPECT_EQ(encode(pair(kVocab, "a b</w>\r\na b\r\n\n"), "ab"), Ids{5}) << "without a header, with other line ends";
  EXPECT_EQ(encode(pair(kVocab, ""), "abab"), (Ids{0, 1, 0, 4}));
  EXPECT_EQ(encode(pair(kVocab, kMerges), "ac\u00e9"), (Ids{0, 7, 7, 7})) << "unknown bytes are the unknown token";
}

TEST(TokenizerFiles, MergesAreTakenInTheirOrder) {
  const std::string vocab =
      R"({"a":0,"b":1,"c</w>":2,"ab":3,"bc</w>":4,"abc</w>":5,"<|startoftext|>":6,"<|endoftext|>":7})";
  EXPECT_EQ(encode(pair(vocab, "a b\nb c</w>"), "abc"), (Ids{3, 2}));
  EXPECT_EQ(encode(pair(vocab, "b c</w>\na b"), "abc"), (Ids{0, 4}));
  EXPECT_EQ(encode(pair(vocab, "b c</w>\na b\na bc</w>"), "abc"), Ids{5});
  // Of equal pairs that overlap, the leftmost is joined.
  const std::string run = R"({"a":0,"a</w>":1,"aa":2,"<|startoftext|>":3,"<|endoftext|>":4})";
  EXPECT_EQ(encode(pair(run, "a a"), "aaaa"), (Ids{2, 0, 1}));
}

TEST(TokenizerFiles, HostileVocabulariesAreRefused) {
  const auto refused = [](std::string vocab, std::string_view text) {
    expect_refused(pair(std::move(vocab), kMerges), text);
  };
  refused("{", "vocab.json: not valid JSON");
  refused("[]", "expected an object");
  refused(R"({"a":0,"a":1})", "'a' is there twice");
  refused(R"({"a":0,"b":0})", "two tokens have the id 0");
  refused(R"({"a":-1})", "the id of 'a' is -1");
  refused(R"({"a":99999999999})", "99999999999");
  refused(R"({"a":1048576})", "1048576");
  refused(R"({"a":1.5})", "1.5");
  refused(R"({"a":"0"})", "the id of 'a'");
  refused(R"({"a":0,"<|endoftext|>":1})", "'<|startoftext|>' is not in the vocabulary");
  refused(R"({"a":0,"<|startoftext|>":1})", "'<|endoftext|>' is not in the vocabulary");
  refused("{\"\xff\":0}", "not valid JSON");
}

TEST(TokenizerFiles, HostileMergesAreRefused) {
  const auto refused = [](std::string merges, std::string_view text) {
    expect_refused(pair(kVocab, std::move(merges)), text);
  };
  refused("a b\na\n", "merges.txt: line 2: expected two tokens, found 'a'");
  refused("a b c\n", "line 1");
  refused(" a\n", "line 1");
  refused("a \n", "line 1");
  refused("a  b\n", "line 1");
  refused("a b\n\na b</w>\n", "line 2");
  refused("a b\na b\n", "the merge 'a b' is there twice");
  refused("a a\n", "'aa', which is not in the vocabulary");
  refused("x y\n", "not in the vocabulary");
  refused("a \xff\n", "not UTF-8 at byte 2");
}

TEST(TokenizerFiles, HostileTokenizerJsonIsRefused) {
  const std::string good =
      R"({"model":{"type":"BPE","end_of_word_suffix":"</w>","vocab":)" + kVocab +
      R"(,"merges":[["a","b</w>"],"a b"]},"added_tokens":[{"id":8,"content":"<x>","normalized":false}]})";
  const auto with = [&](const std::string& from, const std::string& to) {
    TokenizerFiles files;
    files.where = "folder";
    files.tokenizer = good;
    if (!from.empty()) files.tokenizer->replace(good.find(from), from.size(), to);
    return files;
  };
  EXPECT_EQ(encode(with("", ""), "ab<x>ab<X>"), (Ids{5, 8, 5, 7, 7, 7})) << "as it came: <X> is another";
  EXPECT_EQ(Tokenizer(parse_vocabulary(with("", ""))).vocabulary_size(), 9);
  expect_refused(with("</w>\",\"vocab", "\",\"vocab"), "not a CLIP tokenizer", ErrorCode::unsupported);
  expect_refused(with("BPE", "WordPiece"), "not a CLIP tokenizer", ErrorCode::unsupported);
  expect_refused(with("\"a b\"]", "7]"), "expected two tokens");
  expect_refused(with("\"a b\"]", "\"ab\"]"), "expected two tokens");
  expect_refused(with("[\"a\",\"b</w>\"]", "[\"a\"]"), "expected two tokens");
  expect_refused(with("\"id\":8", "\"id\":-8"), "-8");
  expect_refused(with("[{\"id\"", "[7,{\"id\""), "expected an object");
  expect_refused(with("{\"model\"", "[{\"model\""), "not valid JSON");
  expect_refused(with("\"model\"", "\"mode\""), "model: missing");
}

TEST(TokenizerFiles, HostileSettingsAreRefused) {
  const auto refused = [](std::string config, std::string_view text) {
    auto files = pair(kVocab, kMerges);
    files.config = std::move(config);
    expect_refused(files, text);
  };
  refused("[]", "expected an object");
  refused(R"({"model_max_length":1})", "no room");
  refused(R"({"model_max_length":-5})", "no room");
  refused(R"({"model_max_length":"77"})", "expected a number");
  refused(R"({"pad_token":"<pad>"})", "'<pad>' is not in the vocabulary");
  refused(R"({"pad_token":7})", "expected a string");
  refused(R"({"pad_token":""})", "pad_token: empty");
  refused(R"({"pad_token":{"content":""}})", "pad_token: empty");
  refused(R"({"added_tokens_decoder":{"x":{"content":"a"}}})", "'x' is not an id");
  refused(R"({"added_tokens_decoder":{"1x":{"content":"a"}}})", "'1x' is not an id");
  refused(R"({"added_tokens_decoder":{"99999999":{"content":"zz"}}})", "is not an id");
  refused(R"({"added_tokens_decoder":{"1":7}})", "expected an object");
  refused(R"({"added_tokens_decoder":[]})", "expected an object");
}

TEST(TokenizerFiles, FoldersWithoutATokenizerAreRefused) {
  const ScratchFolder folder;
  expect_error(ErrorCode::not_found, "no such tokenizer folder", [&] { Tokenizer::load(folder / "none"); });
  expect_error(ErrorCode::not_found, "expected vocab.json and merges.txt", [&] { Tokenizer::load(folder.path()); });
  folder.write("vocab.json", kVocab);
  expect_error(ErrorCode::not_found, "expected vocab.json and merges.txt", [&] { Tokenizer::load(folder.path()); });
  folder.write("merges.txt", kMerges);
  EXPECT_EQ(Tokenizer::load(folder.path()).encode("ab"), Ids{5});
}

}  // namespace
}  // namespace sumi
