#include "text/unicode.h"

#include <gtest/gtest.h>

namespace sumi {
namespace {

TEST(Unicode, ComposesCanonically) {
  EXPECT_EQ(compose(U"e\u0301"), U"\u00e9");
  EXPECT_EQ(compose(U"\u1100\u1161\u11a8"), U"\uac01");    // a Hangul syllable
  EXPECT_EQ(compose(U"q\u0307\u0323"), U"q\u0323\u0307");  // sorted by class, where nothing composes
  EXPECT_EQ(compose(U"\u1e0b\u0323"), U"\u1e0d\u0307");    // UAX #15, figure 6: d with two dots
  EXPECT_EQ(compose(U"\u0958"), U"\u0915\u093c");          // excluded from composition
  EXPECT_EQ(compose(U"\ufb01"), U"\ufb01");                // a compatibility form stays
  EXPECT_EQ(compose(U"\U0001d15e"), U"\U0001d157\U0001d165");
  EXPECT_EQ(compose(U""), U"");
}

void expect_all(std::u32string_view points, bool (*belongs)(char32_t), bool expected) {
  for (const char32_t point : points) EXPECT_EQ(belongs(point), expected) << static_cast<unsigned>(point);
}

TEST(Unicode, KnowsClasses) {
  expect_all(U"aZ\u00aa\u01c5\u02b0\u05d0\u6771\U00020000", is_letter, true);
  expect_all(U"1_-'\u0301\u2160\u24b6\U0001f34e\ue000", is_letter, false);
  expect_all(U"07\u00b2\u00bd\u0663\u2160\u3007", is_number, true);
  expect_all(U"a+\u4e00\u0301", is_number, false);
  expect_all(U" \t\n\v\f\r\u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000", is_space, true);
  expect_all(U"a\u001c\u180e\u200b\u2060\ufeff", is_space, false);
}

TEST(Unicode, EncodesWhatItDecodes) {
  const std::string text = "a\u00e9\u6771\U0001f34e";
  std::string back;
  for (const char32_t point : decode_utf8(text, ErrorCode::usage, "text")) append_utf8(point, back);
  EXPECT_EQ(back, text);
}

}  // namespace
}  // namespace sumi
