#include "text/prompt.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/settings.h"
#include "support/scratch.h"

namespace sumi {
namespace {

using Pieces = std::vector<PromptPiece>;

const PromptPiece kEnd{"", 1, true};

void expect_pieces(std::string_view prompt, const Pieces& expected) {
  const Pieces pieces = weighted_pieces(prompt);
  ASSERT_EQ(pieces.size(), expected.size()) << prompt;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_EQ(pieces[i].text, expected[i].text) << prompt;
    EXPECT_NEAR(pieces[i].weight, expected[i].weight, 1e-12 * std::abs(expected[i].weight)) << prompt;
    EXPECT_EQ(pieces[i].ends_chunk, expected[i].ends_chunk) << prompt;
  }
}

TEST(Prompt, WeighsPieces) {
  expect_pieces("an (important) word", {{"an ", 1}, {"important", 1.1}, {" word", 1}});
  expect_pieces("(unbalanced", {{"unbalanced", 1.1}});
  expect_pieces("\\(literal\\]", {{"(literal]", 1}});
  expect_pieces("(unnecessary)(parens)", {{"unnecessaryparens", 1.1}});
  expect_pieces("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).", {{"a ", 1},
                                                                        {"house", 1.573},
                                                                        {" ", 1.1},
                                                                        {"on", 1},
                                                                        {" a ", 1.1},
                                                                        {"hill", .55},
                                                                        {", sun, ", 1.1},
                                                                        {"sky", 1.4641},
                                                                        {".", 1.1}});
}

TEST(Prompt, GivesTheReferencesPieces) {
  for (const auto* name : {"weights", "escaped", "long", "break"}) {
    const std::string path = fmt::format("{}/tests/fixtures/cases/prompt-sd1-{}.json", SUMI_SOURCE_DIR, name);
    const Settings ask(read_json(path), path);
    Pieces expected;
    for (const Json& piece : ask.at("pieces")) {
      const bool end = piece[0] == "BREAK" && piece[1] == -1.0;
      expected.push_back(end ? kEnd : PromptPiece{piece[0].get<std::string>(), piece[1].get<double>()});
    }
    expect_pieces(ask.text("prompt", ""), expected);
  }
}

TEST(Prompt, TakesWhatIsNoSyntaxAsText) {
  expect_pieces("", {});
  expect_pieces("()[]", {});
  expect_pieces("a) b]", {{"a) b]", 1}});
  expect_pieces("(a] b)", {{"a] b", 1.1}});
  expect_pieces("[a:1.3) b]", {{"a:1.3) b", 1 / 1.1}});
  expect_pieces("a:1.3)", {{"a:1.3)", 1}});
  expect_pieces("a: b : 3", {{"a: b : 3", 1}});
  expect_pieces("(a:b)", {{"a:b", 1.1}});
  expect_pieces("(a:1.2.3)", {{"a:1.2.3", 1.1}});
  expect_pieces("(a:)", {{"a:", 1.1}});
  expect_pieces("(a:inf)", {{"a:inf", 1.1}});
  expect_pieces("(a:1e9)", {{"a:1e9", 1.1}});
  expect_pieces("back\\slash \\\\ \\", {{"back\\slash \\ \\", 1}});
  expect_pieces("(a\\)", {{"a)", 1.1}});
  expect_pieces("\\", {{"\\", 1}});
}

TEST(Prompt, ReadsWeights) {
  expect_pieces("(a: +.5 )", {{"a", .5}});
  expect_pieces("(a:-1)", {{"a", -1}});
  expect_pieces("(a:0)b", {{"a", 0}, {"b", 1}});
  expect_pieces("(a:2.)", {{"a", 2}});
  expect_pieces("[(a:2)b]", {{"a", 2 / 1.1}, {"b", 1 / 1.1}});
  expect_pieces("(a:1)(b:1)c", {{"abc", 1}});
}

TEST(Prompt, BreakEndsAChunkAtTheStartOfAStretch) {
  expect_pieces("BREAK", {kEnd});
  expect_pieces("BREAK a", {kEnd, {" a", 1}});
  expect_pieces("(a)BREAK(b)", {{"a", 1.1}, kEnd, {"b", 1.1}});
  expect_pieces("(a BREAK:2)", {{"a BREAK", 2}});
  expect_pieces("(BREAK:2)a", {kEnd, {"a", 1}});
  expect_pieces("a BREAK b", {{"a BREAK b", 1}});
  expect_pieces("BREAKS", {{"BREAKS", 1}});
  expect_pieces("BREAK_", {{"BREAK_", 1}});
}

void expect_adapters(std::string prompt, const std::string& plain, const std::vector<PromptAdapter>& adapters) {
  EXPECT_EQ(take_adapters(prompt), adapters) << prompt;
  EXPECT_EQ(prompt, plain);
}

TEST(Prompt, AdaptersAreTakenOut) {
  expect_adapters("a cat", "a cat", {});
  expect_adapters("a<lora:ink> cat", "a cat", {{"ink", 1, 1}});
  expect_adapters("<lora:ink:.5>a <lora:old style v2:-1.25:0>cat", "a cat",
                  {{"ink", .5, .5}, {"old style v2", -1.25, 0}});
  expect_adapters("<lora:ink", "<lora:ink", {});
  expect_adapters("<lora:a><lora:b", "<lora:b", {{"a", 1, 1}});
  expect_adapters("<lo<lora:a>ra:b>", "<lora:b>", {{"a", 1, 1}});
  expect_adapters("<b> <Lora:a>", "<b> <Lora:a>", {});
}

TEST(Prompt, AdaptersWithoutSenseAreRefused) {
  for (const std::string prompt : {"<lora:>", "<lora::1>", "<lora:a:>", "<lora:a:x>", "<lora:a:1:>", "<lora:a:1:2:3>",
                                   "<lora:a:nan>", "<lora:a:1e999>"}) {
    test::expect_error(ErrorCode::usage, prompt, [&] {
      std::string text = prompt;
      take_adapters(text);
    });
  }
}

TEST(Prompt, AMegabyteOfBracketsIsReadAndTooLargeAWeightRefused) {
  EXPECT_TRUE(weighted_pieces(std::string(1'000'000, '(')).empty());
  std::string pairs, nested;
  for (int i = 0; i < 300'000; ++i) pairs += "(a)", nested += "[a";
  EXPECT_EQ(weighted_pieces(pairs).size(), 1u);
  EXPECT_GT(weighted_pieces(nested).size(), 1000u);
  test::expect_error(ErrorCode::usage, "'deep'", [] { weighted_pieces(std::string(10'000, '(').append("deep")); });
}

}  // namespace
}  // namespace sumi
