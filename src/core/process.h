#pragma once

#include <atomic>
#include <cstddef>
#include <thread>

namespace sumi {

/// Memory of this process that is not a clean copy of a file: anonymous pages. 0 where the system does not tell.
std::size_t anonymous_bytes();

/// Watches `anonymous_bytes` from a thread of its own, every few milliseconds, while it lives.
class PeakMonitor {
 public:
  PeakMonitor();
  PeakMonitor(const PeakMonitor&) = delete;
  PeakMonitor& operator=(const PeakMonitor&) = delete;
  ~PeakMonitor();
  std::size_t peak();  ///< highest so far

 private:
  void look();

  std::atomic<std::size_t> peak_{0};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace sumi
