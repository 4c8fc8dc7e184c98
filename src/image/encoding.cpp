#include "image/encoding.h"

#include <cstddef>
#include <cstdint>

#include <utf8proc.h>

namespace sumi {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kInvalid = 0xFFFFFFFF;

/// The character at the start of `text`, which it shortens.
char32_t take_utf8(std::string_view& text) {
  utf8proc_int32_t character = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto used = utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &character);
  text.remove_prefix(used > 0 ? static_cast<std::size_t>(used) : 1);
  return used > 0 ? static_cast<char32_t>(character) : kInvalid;
}

void append_utf8(std::string& out, char32_t character) {
  utf8proc_uint8_t bytes[4];
  const auto count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
}

constexpr bool is_high_half(char32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
constexpr bool is_low_half(char32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (take_utf8(text) == kInvalid) return false;
  }
  return true;
}

std::optional<std::string> utf8_to_latin1(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char32_t character = take_utf8(text);
    if (character > 0xFF) return std::nullopt;
    out.push_back(static_cast<char>(character));
  }
  return out;
}

std::string latin1_to_utf8(std::string_view text) {
  std::string out;
  for (const char c : text) append_utf8(out, static_cast<unsigned char>(c));
  return out;
}

std::string utf8_to_utf16(std::string_view text, ByteOrder order) {
  std::string out;
  const auto put = [&](char32_t unit) {
    const char high = static_cast<char>(unit >> 8), low = static_cast<char>(unit & 0xFF);
    out.push_back(order == ByteOrder::big ? high : low);
    out.push_back(order == ByteOrder::big ? low : high);
  };
  while (!text.empty()) {
    char32_t character = take_utf8(text);
    if (character == kInvalid) character = kReplacement;
    if (character < 0x10000) {
      put(character);
    } else {
      put(0xD800 + ((character - 0x10000) >> 10));
      put(0xDC00 + ((character - 0x10000) & 0x3FF));
    }
  }
  return out;
}

std::string utf16_to_utf8(std::string_view bytes, ByteOrder order) {
  const auto unit = [&](std::size_t i) -> char32_t {
    const auto first = static_cast<unsigned char>(bytes[2 * i]), second = static_cast<unsigned char>(bytes[2 * i + 1]);
    return static_cast<char32_t>(order == ByteOrder::big ? first << 8 | second : second << 8 | first);
  };
  std::string out;
  const std::size_t count = bytes.size() / 2;
  for (std::size_t i = 0; i < count; ++i) {
    const char32_t first = unit(i);
    if (is_high_half(first) && i + 1 < count && is_low_half(unit(i + 1))) {
      append_utf8(out, 0x10000 + ((first - 0xD800) << 10) + (unit(++i) - 0xDC00));
    } else {
      append_utf8(out, is_high_half(first) || is_low_half(first) ? kReplacement : first);
    }
  }
  return out;
}

}  // namespace sumi
