#include "image/encoding.h"

#include <gtest/gtest.h>

namespace sumi {
namespace {

using namespace std::string_literals;

TEST(Encoding, Utf8IsChecked) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("a\u00e9\u8a9e\U0001F34E"));
  EXPECT_FALSE(is_utf8("\xff"));
  EXPECT_FALSE(is_utf8("\xc3"));
  EXPECT_FALSE(is_utf8("\xc0\x80")) << "longer than needed";
  EXPECT_FALSE(is_utf8("\xed\xa0\x80")) << "half of a UTF-16 pair";
}

TEST(Encoding, Latin1) {
  EXPECT_EQ(utf8_to_latin1("caf\u00e9"), "caf\xe9");
  EXPECT_EQ(utf8_to_latin1("\u0100"), std::nullopt);
  EXPECT_EQ(latin1_to_utf8("caf\xe9"), "caf\u00e9");
}

TEST(Encoding, Utf16) {
  EXPECT_EQ(utf8_to_utf16("A\u8a9e\U0001F34E", ByteOrder::big), "\0A\x8a\x9e\xd8\x3c\xdf\x4e"s);
  EXPECT_EQ(utf8_to_utf16("A\u8a9e\U0001F34E", ByteOrder::little), "A\0\x9e\x8a\x3c\xd8\x4e\xdf"s);
  EXPECT_EQ(utf16_to_utf8("\0A\x8a\x9e\xd8\x3c\xdf\x4e"s, ByteOrder::big), "A\u8a9e\U0001F34E");
  EXPECT_EQ(utf16_to_utf8("A\0\x9e\x8a\x3c\xd8\x4e\xdf"s, ByteOrder::little), "A\u8a9e\U0001F34E");
  EXPECT_EQ(utf16_to_utf8("\xd8\x3c\0A\xdf\x4e\0"s, ByteOrder::big), "\uFFFDA\uFFFD");
}

}  // namespace
}  // namespace sumi
