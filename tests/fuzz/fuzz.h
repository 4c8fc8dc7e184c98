#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sumi/error.h"

namespace sumi::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the run where something that always holds does not.
inline void expect(bool good) {
  if (!good) std::abort();
}

/// Runs what hostile input may make fail with an Error, of one line, that blames the input and not Sumi.
template <class Call>
void may_fail(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    expect(error.code() != ErrorCode::internal);
    expect(std::string_view(error.what()).find('\n') == std::string_view::npos);
  }
}

}  // namespace sumi::fuzz
