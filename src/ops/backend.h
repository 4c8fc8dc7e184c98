#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "core/dtype.h"

namespace sumi {

class Operations;

/// Memory of a backend; host code may touch it only where `Backend::host` says so.
using Buffer = std::shared_ptr<std::byte>;

/// Bytes of packed weights that a backend holds or, after a dry run, will hold.
class Booking {
 public:
  Booking(std::shared_ptr<std::atomic<std::size_t>> total, std::size_t bytes)
      : total_(std::move(total)), bytes_(bytes) {
    *total_ += bytes_;
  }
  Booking(const Booking&) = delete;
  Booking& operator=(const Booking&) = delete;
  ~Booking() { *total_ -= bytes_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<std::atomic<std::size_t>> total_;
  std::size_t bytes_;
};

/// A device and its ways to compute.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  /// True where nothing runs: shapes, bytes and FLOPs only.
  virtual bool dry() const { return false; }
  /// True where weights are packed when an op first needs them, else only booked.
  virtual bool packs() const { return !dry(); }
  /// True where host code may read and write the backend's memory.
  virtual bool host() const = 0;
  virtual Operations& operations() = 0;
  /// Aligned to Arena::alignment; contents undefined. Error(out_of_memory).
  virtual Buffer allocate(std::size_t bytes) = 0;
  virtual void upload(std::span<const std::byte> from, std::byte* to) = 0;
  virtual void download(const std::byte* from, std::span<std::byte> to) = 0;
  /// The type to compute in when the user leaves it open.
  virtual DType preferred_type() const = 0;
  /// The bookings of all weights on this device.
  virtual const std::shared_ptr<std::atomic<std::size_t>>& booked() const = 0;
};

}  // namespace sumi
