#include "text/tokenizer.h"

#include <chrono>

#include <gtest/gtest.h>

#include "clip_files.h"
#include "core/settings.h"
#include "support/scratch.h"
#include "text/clip_tokenizer.h"
#include "weights/checkpoint.h"

namespace sumi {
namespace {

using Ids = std::vector<std::int32_t>;

const std::string kFixtures = SUMI_SOURCE_DIR "/tests/fixtures/";

/// Compares the ids of every text of a case with the reference's.
void expect_reference_ids(const std::string& name, const Tokenizer& tokenizer) {
  const auto texts = Settings(read_json(kFixtures + "cases/" + name + ".json"), name).texts("texts");
  const auto expected = read_all(*open_checkpoint(kFixtures + "cases/" + name + ".safetensors")->find("ids"));
  ASSERT_EQ(expected.size(), texts.size() * 77);
  ASSERT_GE(texts.size(), 12u);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto first = expected.begin() + static_cast<std::ptrdiff_t>(77 * i);
    EXPECT_EQ(tokenizer.padded(texts[i]), Ids(first, first + 77)) << texts[i];
  }
}

TokenizerFiles files_of(const std::string& folder) { return read_tokenizer_files(folder); }

const Tokenizer& clip() {
  static const Tokenizer tokenizer(parse_vocabulary(test::clip_files()));
  return tokenizer;
}

TEST(Tokenizer, GivesTheReferencesIds) {
  const auto tokenizer = Tokenizer::load(kFixtures + "tokenizer");
  expect_reference_ids("tokenizer", tokenizer);
  EXPECT_EQ(tokenizer.bos(), 3218);
  EXPECT_EQ(tokenizer.eos(), 3219);
  EXPECT_EQ(tokenizer.pad(), 3219);
  EXPECT_EQ(tokenizer.length(), 77);
  EXPECT_EQ(tokenizer.vocabulary_size(), 3220);
}

TEST(Tokenizer, GivesTheReferencesIdsWithClipsOwnMerges) {
  expect_reference_ids("tokenizer-clip", clip());
  EXPECT_EQ(clip().vocabulary_size(), 49408);
  EXPECT_EQ(clip().bos(), 49406);
}

TEST(Tokenizer, ClipsOwnIsPartOfTheLibrary) {
  const TokenizerFiles files = clip_tokenizer_files();
  EXPECT_EQ(*files.merges, *test::clip_files().merges);
  EXPECT_EQ(parse_json(*files.vocab, "library"), parse_json(*test::clip_files().vocab, "test"));
  const Tokenizer tokenizer = Tokenizer::clip();
  expect_reference_ids("tokenizer-clip", tokenizer);
  EXPECT_EQ(tokenizer.length(), 77);
  EXPECT_EQ(tokenizer.vocabulary_size(), 49408);
  EXPECT_EQ(tokenizer.pad(), 49407);
  const Tokenizer open = Tokenizer::clip("!");
  EXPECT_EQ(open.pad(), 0);
  EXPECT_EQ(open.padded("a"), [&] {
    Ids ids = tokenizer.padded("a");
    std::fill(ids.begin() + 3, ids.end(), 0);
    return ids;
  }());
}

TEST(Tokenizer, BothFileFormatsGiveTheSame) {
  for (const auto* model : {"sd1", "sd2", "bksdm-small", "lcm"}) {
    auto files = files_of(kFixtures + "models/" + model + "/tokenizer");
    expect_reference_ids("tokenizer", Tokenizer(parse_vocabulary(files)));
    files.vocab.reset();
    expect_reference_ids("tokenizer", Tokenizer(parse_vocabulary(files)));
    files.config.reset();
    files.special_map.reset();
    expect_reference_ids("tokenizer", Tokenizer(parse_vocabulary(files)));
    // Files of earlier tools have merges as one string.
    Json json = Json::parse(*files.tokenizer);
    for (Json& merge : json["model"]["merges"]) merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
    files.tokenizer = json.dump();
    expect_reference_ids("tokenizer", Tokenizer(parse_vocabulary(files)));
  }
}

TEST(Tokenizer, ReadsTheEmbeddedModels) {
  expect_reference_ids("tokenizer", Tokenizer::load(SUMI_SOURCE_DIR "/models/emoji/tokenizer"));
}

TEST(Tokenizer, NormalizesText) {
  const Tokenizer& tokenizer = clip();
  const auto same = [&](std::string_view a, std::string_view b) {
    EXPECT_EQ(tokenizer.encode(a), tokenizer.encode(b)) << a << " | " << b;
  };
  same("A\tRed\n\nApple ", "a red apple");
  same("e\u0301a\u0323\u0302", "\u00e9\u1ead");  // composed, whatever the order of marks
  same("\u1ea1\u0302", "a\u0302\u0323");
  same("\u212b", "\u00e5");              // the sign of the angstrom
  same("\u0130", "i\u0307");             // one letter whose lower case is two
  same("\u03a3\u03a3", "\u03c3\u03c3");  // no special form at a word's end
  same("a\u2003b\u0085c", "a b c");
  same("2024", "2 0 2 4");
  same("\u0661\u0662", "\u0661 \u0662");
  same("don't", "don 't");
  same("'sad", "'s ad");
  EXPECT_NE(tokenizer.encode("''sad"), tokenizer.encode("' 's ad")) << "a run of marks takes its apostrophes along";
  same("", "\u3000");
  EXPECT_TRUE(tokenizer.encode(" \n").empty());
}

TEST(Tokenizer, RecognisesSpecialTokens) {
  const Tokenizer& tokenizer = clip();
  const auto red = tokenizer.encode("red"), apple = tokenizer.encode("apple");
  const Ids expected{red[0], tokenizer.eos(), apple[0]};
  EXPECT_EQ(tokenizer.encode("red<|endoftext|>apple"), expected);
  EXPECT_EQ(tokenizer.encode("Red <|EndOfText|> apple"), expected) << "looked for in lower case";
  EXPECT_EQ(tokenizer.encode("<|startoftext|><|endoftext|>"), (Ids{tokenizer.bos(), tokenizer.eos()}));
  EXPECT_GT(tokenizer.encode("<|endoftext>").size(), 1u);
}

TEST(Tokenizer, PadsByConfiguration) {
  auto files = files_of(kFixtures + "tokenizer");
  files.special_map = R"({"pad_token":"!"})";
  files.config = R"({"model_max_length":8})";
  const Tokenizer tokenizer(parse_vocabulary(files));
  EXPECT_EQ(tokenizer.padded("a"), (Ids{3218, tokenizer.encode("a")[0], 3219, 0, 0, 0, 0, 0}));
  EXPECT_EQ(tokenizer.padded("a a a a a a a a a").back(), tokenizer.eos());
  EXPECT_EQ(tokenizer.padded("a a a a a a a a a").size(), 8u);
  // As every special token, the one for padding is recognised in texts, without the mark of a word's end.
  EXPECT_EQ(tokenizer.encode("a!"), (Ids{tokenizer.encode("a")[0], 0}));

  files.config = R"({"model_max_length":1000000000000000019884624838656,"pad_token":{"content":"<|startoftext|>"}})";
  const Tokenizer endless(parse_vocabulary(files));
  EXPECT_EQ(endless.length(), 77);
  EXPECT_EQ(endless.pad(), endless.bos());
}

TEST(Tokenizer, NamesTheByteThatIsNotUtf8) {
  const auto refused = [](std::string_view text, std::string_view place) {
    test::expect_error(ErrorCode::usage, place, [&] { clip().encode(text); });
  };
  refused("red \xff", "byte 4 (0xff)");
  refused("\xc3", "byte 0 (0xc3)");
  refused("a\xc3(", "byte 1 (0xc3)");
  refused("\xed\xa0\x80", "byte 0 (0xed)");        // a surrogate
  refused("\xc0\x80", "byte 0 (0xc0)");            // longer than it need be
  refused("ab\xf4\x90\x80\x80", "byte 2 (0xf4)");  // beyond U+10FFFF
}

TEST(Tokenizer, AMegabyteDoesNotHang) {
  std::string marks;  // marks of alternating classes after one letter: composition has to sort them
  for (int i = 0; i < 250'000; ++i) marks += "\u0323\u0302";
  std::string words, apostrophes;
  for (int i = 0; i < 200'000; ++i) words += "word ", apostrophes += "<|'s'";
  for (const std::string& text :
       {std::string(1'000'000, 'x'), "a" + marks, words, apostrophes, std::string(1'000'000, ' '),
        std::string(1'000'000, '!'), std::string(1'000'000, '<')}) {
    const auto start = std::chrono::steady_clock::now();
    const auto ids = clip().padded(text);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(ids.size(), 77u);
    // 0.3 s are enough; work that grows with the square of the length takes minutes.
    EXPECT_LT(seconds.count(), 20) << text.substr(0, 20);
  }
}

}  // namespace
}  // namespace sumi
