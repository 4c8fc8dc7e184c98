#pragma once

#include <cstddef>
#include <deque>
#include <optional>

namespace sumi::cuda {

/// Room in a ring of bytes, given back in the order in which it was taken. Says where, and touches no memory.
class Ring {
 public:
  explicit Ring(std::size_t bytes = 0) : bytes_(bytes) {}

  std::size_t bytes() const { return bytes_; }
  /// Where so many bytes in a row are free behind what was taken last; nothing where they are not.
  std::optional<std::size_t> take(std::size_t bytes);
  /// What was taken first.
  void give_back() { taken_.pop_front(); }
  void clear() { taken_.clear(); }

 private:
  struct Range {
    std::size_t begin, end;
  };

  std::size_t bytes_;
  std::deque<Range> taken_;
};

}  // namespace sumi::cuda
