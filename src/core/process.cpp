#include "core/process.h"

#include <chrono>
#include <cstdio>
#include <unistd.h>

namespace sumi {

std::size_t anonymous_bytes() {
  // "size resident shared ..." in pages; `shared` counts resident pages that belong to files.
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file) return 0;
  unsigned long long size = 0, resident = 0, shared = 0;
  const int found = std::fscanf(file, "%llu %llu %llu", &size, &resident, &shared);
  std::fclose(file);
  if (found != 3 || resident < shared) return 0;
  return static_cast<std::size_t>(resident - shared) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

PeakMonitor::PeakMonitor()
    : thread_([this] {
        while (!done_) {
          look();
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
      }) {}

PeakMonitor::~PeakMonitor() {
  done_ = true;
  thread_.join();
}

std::size_t PeakMonitor::peak() {
  look();
  return peak_;
}

void PeakMonitor::look() {
  const std::size_t now = anonymous_bytes();
  std::size_t before = peak_;
  while (before < now && !peak_.compare_exchange_weak(before, now)) {
  }
}

}  // namespace sumi
