#include "core/json.h"

#include <gtest/gtest.h>

#include "core/settings.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

Settings settings(std::string_view text) { return {parse_json(text, "unet/config.json"), "unet/config.json"}; }

template <class Call>
void rejects(std::string_view text, Call&& call) {
  const Error error = error_of(std::forward<Call>(call));
  EXPECT_EQ(error.code(), ErrorCode::bad_file);
  EXPECT_EQ(error.what(), text);
}

TEST(Json, SaysWhereTheFileIsWrong) {
  expect_error(ErrorCode::bad_file, "a.json: not valid JSON at byte", [] { parse_json("{\"a\": }", "a.json"); });
  expect_error(ErrorCode::bad_file, "a.json: not valid JSON", [] { parse_json("", "a.json"); });
  expect_error(ErrorCode::bad_file, "a.json: not valid JSON", [] { parse_json("{} {}", "a.json"); });
  expect_error(ErrorCode::bad_file, "a.json: not valid JSON", [] { parse_json("\"\xff\"", "a.json"); });
  expect_error(ErrorCode::bad_file, "a.json: 'b' is there twice",
               [] { parse_json(R"({"a": {"b": 1, "b": 2}})", "a.json"); });
  expect_error(ErrorCode::bad_file, "a.json: nested more than 100 deep",
               [] { parse_json(std::string(100000, '['), "a.json"); });
  EXPECT_EQ(parse_json(R"({"a": {"b": 1}, "b": {"b": 2}})", "a.json")["b"]["b"], 2);
}

TEST(Json, ReadsFilesUpToALimit) {
  const ScratchFolder folder;
  const auto path = folder.write("a.json", R"({"a": 1})");
  EXPECT_EQ(read_json(path)["a"], 1);
  expect_error(ErrorCode::bad_file, "8 bytes is too long for JSON, the limit is 7", [&] { read_json(path, 7); });
  expect_error(ErrorCode::not_found, "no such file", [&] { read_json(folder / "b.json"); });
  expect_error(ErrorCode::not_found, "no such file", [&] { read_json(folder.path()); });
}

TEST(Settings, AreAnObject) {
  rejects("unet/config.json: expected an object of settings", [] { settings("[1]"); });
}

TEST(Settings, TellPresentFromNull) {
  const Settings s = settings(R"({"a": 1, "b": null})");
  EXPECT_TRUE(s.has("a"));
  EXPECT_FALSE(s.has("b"));
  EXPECT_FALSE(s.has("c"));
  EXPECT_EQ(s.at("a"), 1);
  rejects("unet/config.json: b: missing", [&] { s.at("b"); });
  EXPECT_EQ(s.integer("b", 7, 0, 9), 7);
}

TEST(Settings, IntegersHaveBounds) {
  const Settings s =
      settings(R"({"n": 4, "real": 4.0, "text": "4", "huge": 18446744073709551615, "low": -1, "list": [1]})");
  EXPECT_EQ(s.integer("n", 0, 4, 4), 4);
  EXPECT_EQ(s.optional_integer("n", 0, 9), 4);
  EXPECT_EQ(s.optional_integer("none", 0, 9), std::nullopt);
  rejects("unet/config.json: n: 4 is outside 5 to 9", [&] { s.integer("n", 0, 5, 9); });
  rejects("unet/config.json: low: -1 is outside 0 to 9", [&] { s.integer("low", 0, 0, 9); });
  rejects("unet/config.json: real: expected an integer, found 4.0", [&] { s.integer("real", 0, 0, 9); });
  rejects("unet/config.json: text: expected an integer, found \"4\"", [&] { s.integer("text", 0, 0, 9); });
  rejects("unet/config.json: huge: expected an integer, found 18446744073709551615",
          [&] { s.integer("huge", 0, 0, INT64_MAX); });
  rejects("unet/config.json: list: expected an integer, found [1]", [&] { s.optional_integer("list", 0, 9); });
}

TEST(Settings, IntegerListsRepeatOrMatch) {
  const Settings s = settings(R"({"one": 8, "many": [1, 2, 3], "mixed": [1, "2", 3], "far": [1, 2, 30]})");
  using List = std::vector<std::int64_t>;
  EXPECT_EQ(s.integers("one", 0, 3, 0, 9), (List{8, 8, 8}));
  EXPECT_EQ(s.integers("many", 0, 3, 0, 9), (List{1, 2, 3}));
  EXPECT_EQ(s.integers("none", 5, 2, 0, 9), (List{5, 5}));
  rejects("unet/config.json: many: 3 values, expected 4", [&] { s.integers("many", 0, 4, 0, 9); });
  rejects("unet/config.json: mixed: expected an integer, found \"2\"", [&] { s.integers("mixed", 0, 3, 0, 9); });
  rejects("unet/config.json: far: 30 is outside 0 to 9", [&] { s.integers("far", 0, 3, 0, 9); });
}

TEST(Settings, OtherKindsSayWhatTheyExpect) {
  const Settings s = settings(R"({"x": 0.5, "n": 2, "yes": true, "t": "silu", "list": ["a", "b"], "mixed": ["a", 1]})");
  EXPECT_EQ(s.number("x", 0), 0.5);
  EXPECT_EQ(s.number("n", 0), 2);
  EXPECT_EQ(s.number("none", 0.25), 0.25);
  EXPECT_TRUE(s.flag("yes", false));
  EXPECT_TRUE(s.flag("none", true));
  EXPECT_EQ(s.text("t", ""), "silu");
  EXPECT_EQ(s.text("none", "gelu"), "gelu");
  EXPECT_EQ(s.texts("list"), (std::vector<std::string>{"a", "b"}));
  rejects("unet/config.json: t: expected a number", [&] { s.number("t", 0); });
  rejects("unet/config.json: n: expected true or false", [&] { s.flag("n", false); });
  rejects("unet/config.json: x: expected a string", [&] { s.text("x", ""); });
  rejects("unet/config.json: t: expected a list of strings", [&] { s.texts("t"); });
  rejects("unet/config.json: mixed: expected a list of strings", [&] { s.texts("mixed"); });
  rejects("unet/config.json: none: missing", [&] { s.texts("none"); });
  rejects("unet/config.json: t: 'silu' is not known", [&] { s.reject("t", "'{}' is not known", s.text("t", "")); });
}

}  // namespace
}  // namespace sumi::test
