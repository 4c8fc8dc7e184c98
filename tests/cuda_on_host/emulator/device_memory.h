#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace cuda_on_host {

/// The memory of the emulated device: a range of addresses of which nothing can be accessed but allocations, and these
/// only while a DeviceAccess lives.
///
/// An allocation lies on pages of its own: data at 256 bytes from their beginning, red zones of at least 256 bytes
/// before and behind, and a page that faults. Freed addresses are used again as late as possible.
class DeviceMemory {
 public:
  static DeviceMemory& get();

  /// All bits of it set; nullptr where the limit forbids it.
  std::byte* allocate(std::size_t bytes);
  /// Whether `data` was an allocation.
  bool release(void* data);

  /// Whether an address is one of the device's at all.
  bool owns(const void* address) const { return address >= base_ && address < base_ + reserved_; }
  /// Whether a range lies in one allocation.
  bool holds(const void* data, std::size_t bytes) const;
  /// Empty, or where red zones were written. They are then as new.
  std::string check_red_zones();
  /// "byte 12 of an allocation of 8 bytes".
  std::string describe(const void* address) const;

  std::size_t limit() const { return limit_; }
  void set_limit(std::size_t bytes) { limit_ = bytes; }
  std::size_t in_use() const { return in_use_; }
  std::size_t live() const { return live_.size(); }

 private:
  friend class DeviceAccess;

  struct Allocation {
    std::size_t pages, bytes;  ///< sizes: all in whole pages, and of the data
  };
  using Allocations = std::map<std::byte*, Allocation>;

  DeviceMemory();
  void open();
  void close();
  Allocations::const_iterator below(const void* address) const;
  std::byte* find_room(std::size_t bytes);

  std::byte* base_ = nullptr;
  std::size_t reserved_ = 0, limit_, in_use_ = 0;
  Allocations live_;  ///< by their first page
  std::byte* next_ = nullptr;
  int accesses_ = 0;
};

/// Makes allocations accessible while it lives.
class DeviceAccess {
 public:
  DeviceAccess() { DeviceMemory::get().open(); }
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
  ~DeviceAccess() { DeviceMemory::get().close(); }
};

/// Tells on stderr what is at fault when memory of the device is accessed that must not be: the kernel that runs
/// (`where`, which the fault's handler calls), or the host. The process dies of it as it would have.
void explain_faults(std::string (*where)());

}  // namespace cuda_on_host
