#pragma once

#include <fmt/format.h>

#include <utility>

#include "sumi/error.h"

namespace sumi {

template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> text, Args&&... args) {
  throw Error(code, fmt::format(text, std::forward<Args>(args)...));
}

/// Throws Error(code, text) unless `good`. The text is only formatted on failure.
template <class... Args>
void check(bool good, ErrorCode code, fmt::format_string<Args...> text, Args&&... args) {
  if (!good) [[unlikely]] fail(code, text, std::forward<Args>(args)...);
}

}  // namespace sumi
