#pragma once

#include <string>
#include <utility>

#include <fmt/format.h>

#include "sumi/error.h"

namespace sumi {

/// Texts quote names out of files, which may hold line breaks or megabytes.
inline std::string one_readable_line(std::string text) {
  constexpr std::size_t kMost = 4000;
  if (text.size() > kMost) {
    std::size_t end = kMost;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not inside a UTF-8 character
    text.replace(end, std::string::npos, "...");
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> text, Args&&... args) {
  throw Error(code, one_readable_line(fmt::format(text, std::forward<Args>(args)...)));
}

/// Throws Error(code, text) unless `good`. The text is only formatted on failure.
template <class... Args>
void check(bool good, ErrorCode code, fmt::format_string<Args...> text, Args&&... args) {
  if (!good) [[unlikely]]
    fail(code, text, std::forward<Args>(args)...);
}

}  // namespace sumi
