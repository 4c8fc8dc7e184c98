#include "image/parameters.h"

#include <gtest/gtest.h>

namespace sumi {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

const Settings kSettings = {{"Steps", "20"}, {"Sampler", "DPM++ 2M Karras"}, {"CFG scale", "7.5"}, {"Size", "512x512"}};

TEST(Parameters, Format) {
  EXPECT_EQ(format_parameters({.prompt = "a cat", .negative = "blurry", .settings = kSettings}),
            "a cat\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Size: 512x512");
  EXPECT_EQ(format_parameters({.prompt = "a cat", .negative = "", .settings = {{"Steps", "1"}}}), "a cat\nSteps: 1");
  EXPECT_EQ(format_parameters({.prompt = "a cat", .negative = "", .settings = {}}), "a cat");
}

TEST(Parameters, QuotesWhatWouldBeMisread) {
  const Settings settings = {
      {"Steps", "20"}, {"Model", "a, b"}, {"Note", "x: \"y\""}, {"Lines", "1\n2"}, {"Odd", "\"q\""}};
  const std::string text = format_parameters({.prompt = "p", .negative = "", .settings = settings});
  EXPECT_EQ(text, R"(p
Steps: 20, Model: "a, b", Note: "x: \"y\"", Lines: "1\n2", Odd: "\"q\"")");
  EXPECT_EQ(parse_parameters(text).settings, settings);
}

TEST(Parameters, RoundTrip) {
  const Parameters wanted[] = {
      {.prompt = "a cat", .negative = "blurry", .settings = kSettings},
      {.prompt = "two\nlines, 3d: yes", .negative = "also\ntwo", .settings = kSettings},
      {.prompt = "", .negative = "only this", .settings = kSettings},
      {.prompt = "caf\u00e9 \u8a9e",
       .negative = "",
       .settings = {{"Steps", "20"}, {"Sampler", "x"}, {"Mod\u00e8le", "\u8a9e, b"}}},
      {.prompt = "only a prompt", .negative = "", .settings = {}},
  };
  for (const auto& parameters : wanted) {
    const Parameters read = parse_parameters(format_parameters(parameters));
    EXPECT_EQ(read.prompt, parameters.prompt);
    EXPECT_EQ(read.negative, parameters.negative);
    EXPECT_EQ(read.settings, parameters.settings);
  }
}

TEST(Parameters, ReadsWhatOtherProgramsWrite) {
  const Parameters read = parse_parameters(
      "masterpiece, (best quality:1.2)\n<lora:detail:0.5>\nNegative prompt: lowres,\n bad anatomy\n"
      "Steps: 28, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 512x768, Model hash: 6ce0161689, Clip skip: 2, "
      "Lora hashes: \"detail: 7c6bad76eb54\", Version: v1.6.0");
  EXPECT_EQ(read.prompt, "masterpiece, (best quality:1.2)\n<lora:detail:0.5>");
  EXPECT_EQ(read.negative, "lowres,\nbad anatomy");
  EXPECT_EQ(read.settings, (Settings{{"Steps", "28"},
                                     {"Sampler", "Euler a"},
                                     {"CFG scale", "7"},
                                     {"Seed", "42"},
                                     {"Size", "512x768"},
                                     {"Model hash", "6ce0161689"},
                                     {"Clip skip", "2"},
                                     {"Lora hashes", "detail: 7c6bad76eb54"},
                                     {"Version", "v1.6.0"}}));
}

TEST(Parameters, AFewColonsDoNotMakeSettings) {
  const Parameters read = parse_parameters("a cat, style: old, mood: calm");
  EXPECT_EQ(read.prompt, "a cat, style: old, mood: calm");
  EXPECT_TRUE(read.settings.empty());
}

TEST(Parameters, TakesAnyText) {
  EXPECT_EQ(parse_parameters("").prompt, "");
  EXPECT_EQ(parse_parameters(" \n\r\n ").prompt, "");
  const Parameters unclosed = parse_parameters("p\nSteps: \"20, Sampler: \"x\\, Seed: 1, Size: \"\\ud800\"");
  EXPECT_EQ(unclosed.settings,
            (Settings{{"Steps", "\"20"}, {"Sampler", "\"x\\"}, {"Seed", "1"}, {"Size", "\"\\ud800\""}}));
  // Every quote stays open: reading must not take quadratic time.
  std::string many = "p\n";
  for (int i = 0; i < 200000; ++i) many += "ab: \"x, ";
  EXPECT_EQ(parse_parameters(many).settings.size(), 200000u);
}

}  // namespace
}  // namespace sumi
