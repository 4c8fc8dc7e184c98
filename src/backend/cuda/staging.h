#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "backend/cuda/device.h"
#include "backend/cuda/event.h"
#include "backend/cuda/memory.h"

namespace sumi::cuda {

/// Between the host's memory and the device's, by way of pinned memory, which the device reaches by itself: while it
/// copies one half, the host writes the other.
class Staging {
 public:
  explicit Staging(const Device& device) : device_(device) {}

  /// Lends `bytes` bytes to `write` and queues their copy.
  void upload(std::byte* to, std::size_t bytes, const std::function<void(std::byte*)>& write);
  /// Waits for the copy, and so for all that was queued before.
  void download(const std::byte* from, std::span<std::byte> to);
  /// Gives the pinned memory back.
  void release();

 private:
  struct Half {
    Pinned memory;
    std::size_t capacity = 0;
    Event copied;
  };

  /// The other half, once its last copy is over, with room for so many bytes.
  Half& next(std::size_t bytes);

  const Device& device_;
  std::array<Half, 2> halves_;
  std::size_t turn_ = 0;
};

}  // namespace sumi::cuda
