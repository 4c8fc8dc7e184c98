#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sumi::test {

/// A safetensors file of any header, right or wrong.
inline std::string raw_safetensors(std::string_view header, std::string_view data, std::uint64_t length) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(length >> (8 * i));
  return file.append(header).append(data);
}

inline std::string raw_safetensors(std::string_view header, std::string_view data) {
  return raw_safetensors(header, data, header.size());
}

}  // namespace sumi::test
