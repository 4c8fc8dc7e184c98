#include "emulator/device_memory.h"

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include "emulator/sanitizer.h"

namespace cuda_on_host {
namespace {

constexpr std::size_t page = 4096, front = 256, least_behind = 256;
constexpr int poison = 0xff;

std::size_t first_limit() {
  const char* const given = std::getenv("CUDA_ON_HOST_MEMORY");
  return given ? std::strtoull(given, nullptr, 10) : std::size_t{8} << 30;
}

void protect(std::byte* memory, std::size_t bytes, int protection) {
  if (mprotect(memory, bytes, protection) == 0) return;
  std::perror("cuda_on_host: mprotect");
  std::abort();
}

/// Bytes of a red zone that are not poison, from the first to the last. Sanitizers would find the zone forbidden.
struct Written {
  std::size_t first, bytes;
};
#if defined(__GNUC__)
__attribute__((no_sanitize("address")))
#endif
Written
written(const std::byte* zone, std::size_t bytes) {
  std::size_t first = 0, end = bytes;
  while (first < bytes && zone[first] == std::byte{poison}) ++first;
  if (first == bytes) return {0, 0};
  while (zone[end - 1] == std::byte{poison}) --end;
  return {first, end - first};
}

}  // namespace

DeviceMemory& DeviceMemory::get() {
  static DeviceMemory& memory = *new DeviceMemory;  // outlives what static objects free
  return memory;
}

DeviceMemory::DeviceMemory() : limit_(first_limit()) {
  // Emulators of processors take time and memory for every page.
  reserved_ = std::size_t{16} << 30;
  void* const memory = mmap(nullptr, reserved_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("cuda_on_host: addresses of the device");
    std::abort();
  }
  base_ = next_ = static_cast<std::byte*>(memory);
}

std::byte* DeviceMemory::find_room(std::size_t bytes) {
  for (std::byte* from : {next_, base_}) {
    for (auto each = live_.lower_bound(from); each != live_.end() && from + bytes > each->first; ++each) {
      from = each->first + each->second.pages;
    }
    if (from + bytes <= base_ + reserved_) return from;
  }
  return nullptr;
}

std::byte* DeviceMemory::allocate(std::size_t bytes) {
  if (bytes > limit_ || in_use_ > limit_ - bytes || bytes > reserved_ / 2) return nullptr;
  const std::size_t used = (front + bytes + least_behind + page - 1) / page * page, pages = used + page;
  std::byte* const first = find_room(pages);
  if (!first) return nullptr;
  protect(first, used, PROT_READ | PROT_WRITE);
  std::memset(first, poison, used);
  if (accesses_ == 0) protect(first, used, PROT_NONE);
  forbid_access(first, used);
  allow_access(first + front, bytes);
  live_[first] = {pages, bytes};
  next_ = first + pages;
  in_use_ += bytes;
  return first + front;
}

bool DeviceMemory::release(void* data) {
  const auto found = live_.find(static_cast<std::byte*>(data) - front);
  if (found == live_.end()) return false;
  const auto [first, allocation] = *found;
  // What can be used again is neither readable nor, for the sanitizer, forbidden.
  allow_access(first, allocation.pages);
  protect(first, allocation.pages, PROT_NONE);
  madvise(first, allocation.pages, MADV_DONTNEED);
  in_use_ -= allocation.bytes;
  live_.erase(found);
  return true;
}

void DeviceMemory::open() {
  if (accesses_++ > 0) return;
  for (const auto& [first, allocation] : live_) protect(first, allocation.pages - page, PROT_READ | PROT_WRITE);
}

void DeviceMemory::close() {
  if (--accesses_ > 0) return;
  for (const auto& [first, allocation] : live_) protect(first, allocation.pages - page, PROT_NONE);
}

DeviceMemory::Allocations::const_iterator DeviceMemory::below(const void* address) const {
  auto after = live_.upper_bound(static_cast<std::byte*>(const_cast<void*>(address)));
  return after == live_.begin() ? live_.end() : std::prev(after);
}

bool DeviceMemory::holds(const void* data, std::size_t bytes) const {
  const auto found = below(data);
  if (found == live_.end()) return false;
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(data) - found->first);
  return offset >= front && offset - front <= found->second.bytes && bytes <= found->second.bytes - (offset - front);
}

std::string DeviceMemory::check_red_zones() {
  const DeviceAccess access;
  std::string found;
  for (const auto& [first, allocation] : live_) {
    const auto look = [&](std::byte* zone, std::size_t bytes) {
      const Written what = written(zone, bytes);
      if (what.bytes == 0) return;
      found += fmt::format("{}{} bytes written from {} on", found.empty() ? "" : "; ", what.bytes,
                           describe(zone + what.first));
      allow_access(zone, bytes);
      std::memset(zone, poison, bytes);
      forbid_access(zone, bytes);
    };
    look(first, front);
    // The sanitizer allows and forbids up to an even address.
    look(first + front + allocation.bytes, allocation.pages - page - front - allocation.bytes);
  }
  return found;
}

std::string DeviceMemory::describe(const void* address) const {
  const auto found = below(address);
  const auto* const at = static_cast<const std::byte*>(address);
  if (found == live_.end() || at >= found->first + found->second.pages) return "memory that is not allocated";
  return fmt::format("byte {} of an allocation of {} bytes", at - (found->first + front), found->second.bytes);
}

namespace {

std::string (*running)() = nullptr;
struct sigaction last_action;

void explain_fault(int signal, siginfo_t* information, void*) {
  if (DeviceMemory::get().owns(information->si_addr)) {
    const std::string where = running();
    const std::string text = fmt::format("cuda_on_host: {} touched {}\n", where.empty() ? "the host's code" : where,
                                         DeviceMemory::get().describe(information->si_addr));
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
  }
  sigaction(signal, &last_action, nullptr);  // the access that returns to the program is handled as before
}

}  // namespace

void explain_faults(std::string (*where)()) {
  running = where;
  struct sigaction action = {};
  action.sa_sigaction = explain_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, &last_action);
}

}  // namespace cuda_on_host
