#include "text/unicode.h"

#include <algorithm>
#include <vector>

#include <utf8proc.h>

#include "core/check.h"

namespace sumi {
namespace {

const utf8proc_property_t& property(char32_t point) {
  return *utf8proc_get_property(static_cast<utf8proc_int32_t>(point));
}

constexpr auto kNormal = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);

/// Code points decomposed canonically, marks of one base in the order of their classes. utf8proc sorts them by
/// exchanging neighbours, which takes minutes for a megabyte of marks.
std::vector<utf8proc_int32_t> decompose(std::u32string_view text) {
  constexpr std::size_t kMost = 4;  // the longest canonical decomposition
  std::vector<utf8proc_int32_t> points;
  points.reserve(text.size());
  for (const char32_t point : text) {
    utf8proc_int32_t parts[kMost];
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(point), parts, kMost, kNormal, nullptr);
    check(count >= 0 && count <= static_cast<utf8proc_ssize_t>(kMost), ErrorCode::internal,
          "unicode: U+{:04X} decomposes into {} code points", static_cast<unsigned>(point), count);
    points.insert(points.end(), parts, parts + count);
  }
  const auto mark_class = [](utf8proc_int32_t point) { return property(static_cast<char32_t>(point)).combining_class; };
  const auto is_mark = [&](utf8proc_int32_t point) { return mark_class(point) != 0; };
  for (auto begin = points.begin(); begin != points.end();) {
    begin = std::find_if(begin, points.end(), is_mark);
    const auto end = std::find_if_not(begin, points.end(), is_mark);
    std::stable_sort(begin, end, [&](auto a, auto b) { return mark_class(a) < mark_class(b); });
    begin = end;
  }
  return points;
}

}  // namespace

std::u32string decode_utf8(std::string_view text, ErrorCode code, std::string_view where) {
  std::u32string points;
  points.reserve(text.size());
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto size = static_cast<utf8proc_ssize_t>(text.size());
  for (utf8proc_ssize_t at = 0; at < size;) {
    utf8proc_int32_t point = 0;
    const auto length = utf8proc_iterate(bytes + at, size - at, &point);
    check(length > 0, code, "{}: not UTF-8 at byte {} (0x{:02x})", where, at, bytes[at]);
    points.push_back(static_cast<char32_t>(point));
    at += length;
  }
  return points;
}

void append_utf8(char32_t point, std::string& out) {
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

std::u32string compose(std::u32string_view text) {
  std::vector<utf8proc_int32_t> points = decompose(text);
  const auto length = utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()), kNormal);
  check(length >= 0, ErrorCode::internal, "unicode: {}", utf8proc_errmsg(length));
  return {points.begin(), points.begin() + length};
}

bool is_space(char32_t point) {
  return (point >= 0x09 && point <= 0x0d) || point == 0x20 || point == 0x85 || point == 0xa0 || point == 0x1680 ||
         (point >= 0x2000 && point <= 0x200a) || point == 0x2028 || point == 0x2029 || point == 0x202f ||
         point == 0x205f || point == 0x3000;
}

bool is_letter(char32_t point) {
  const auto category = property(point).category;
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_number(char32_t point) {
  const auto category = property(point).category;
  return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

void append_lower(char32_t point, std::u32string& out) {
  if (point == 0x130) {
    out += U"i\u0307";
  } else {
    out += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point)));
  }
}

}  // namespace sumi
