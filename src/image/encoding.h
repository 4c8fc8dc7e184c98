#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sumi {

bool is_utf8(std::string_view text);
/// Nothing if a character is not in Latin-1.
std::optional<std::string> utf8_to_latin1(std::string_view text);
std::string latin1_to_utf8(std::string_view text);

enum class ByteOrder { little, big };
std::string utf8_to_utf16(std::string_view text, ByteOrder order);
/// Halves of pairs that stand alone become U+FFFD; an odd last byte is left out.
std::string utf16_to_utf8(std::string_view bytes, ByteOrder order);

}  // namespace sumi
