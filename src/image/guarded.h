#pragma once

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <string_view>
#include <vector>

namespace sumi {

/// The way out of a C library that reports an error by a jump: its error callback calls `leave`, never throws.
struct Jump {
  std::jmp_buf back;
  std::array<char, 200> reason{};

  [[noreturn]] void leave(std::string_view why) {
    const std::size_t count = std::min(why.size(), reason.size() - 1);
    std::copy_n(why.data(), count, reason.data());
    reason[count] = '\0';
    std::longjmp(back, 1);
  }
};

/// Runs calls into the library; false if one of them left, with `jump.reason`. A jump runs no destructors: whatever
/// `body` uses that has one must live outside of it.
template <class Body>
[[nodiscard]] bool guarded(Jump& jump, const Body& body) {
  if (setjmp(jump.back) != 0) return false;  // NOLINT(cert-err52-cpp)
  body();
  return true;
}

/// For callbacks, which must not throw: false when there is no memory.
inline bool append(std::vector<std::byte>& out, const void* data, std::size_t count) noexcept {
  const auto* bytes = static_cast<const std::byte*>(data);
  try {
    out.insert(out.end(), bytes, bytes + count);
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace sumi
