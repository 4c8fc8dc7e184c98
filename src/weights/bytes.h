#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/check.h"

namespace sumi {

/// Reads hostile bytes from front to end: little-endian numbers, texts. Error(bad_file) at the end.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  const std::string& where() const { return where_; }
  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }

  std::span<const std::byte> take(std::uint64_t count) {
    check(count <= left(), ErrorCode::bad_file, "{}: cut short: {} bytes are wanted at {}, {} are left", where_, count,
          at_, left());
    const auto taken = bytes_.subspan(at_, static_cast<std::size_t>(count));
    at_ += taken.size();
    return taken;
  }
  void skip(std::uint64_t count) { take(count); }
  std::string_view text(std::uint64_t count) {
    const auto taken = take(count);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  template <class T>
  T number() {
    std::uint64_t value = 0;
    int shift = 0;
    for (const std::byte byte : take(sizeof(T))) {
      value |= std::to_integer<std::uint64_t>(byte) << shift;
      shift += 8;
    }
    return static_cast<T>(value);
  }
  /// Up to a line break, which is taken and left out.
  std::string_view line() {
    const std::string_view rest{reinterpret_cast<const char*>(bytes_.data()) + at_, left()};
    const auto end = rest.find('\n');
    check(end != std::string_view::npos, ErrorCode::bad_file, "{}: cut short: a line at {} has no end", where_, at_);
    at_ += end + 1;
    return rest.substr(0, end);
  }

 private:
  std::span<const std::byte> bytes_;
  std::string where_;
  std::size_t at_ = 0;
};

}  // namespace sumi
