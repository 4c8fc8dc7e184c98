#pragma once

#include <cstdlib>
#include <string>

namespace sumi::test {

/// The least limit of device memory that would do, as an Error(out_of_memory) tells it; 0 where it tells none.
inline std::size_t least_limit_in(const std::string& message) {
  const std::string before = "the least limit is ";
  const std::size_t at = message.find(before);
  if (at == std::string::npos) return 0;
  char* unit = nullptr;
  const unsigned long long number = std::strtoull(message.c_str() + at + before.size(), &unit, 10);
  return number * (*unit == 'M' ? 1000 * 1000 : *unit == 'K' ? 1000 : 0);
}

}  // namespace sumi::test
