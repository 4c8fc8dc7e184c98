#include "core/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include <omp.h>

namespace sumi {

int threads() { return omp_get_max_threads(); }

void set_threads(int count) { omp_set_num_threads(count > 0 ? count : omp_get_num_procs()); }

void parallel(const std::function<void(int, int)>& body) {
  if (threads() == 1 || omp_in_parallel()) return body(0, 1);
  std::exception_ptr first;
  std::mutex guard;
#pragma omp parallel
  {
    try {
      body(omp_get_thread_num(), omp_get_num_threads());
    } catch (...) {
      const std::lock_guard lock(guard);
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

void parallel_each(std::int64_t n, int most, const std::function<void(std::int64_t, int)>& body) {
  std::atomic<std::int64_t> next = 0;
  parallel([&](int part, int) {
    if (part >= most) return;
    for (std::int64_t number; (number = next.fetch_add(1, std::memory_order_relaxed)) < n;) body(number, part);
  });
}

void parallel_for(std::int64_t n, std::int64_t grain, const std::function<void(std::int64_t, std::int64_t)>& body) {
  if (n <= 0) return;
  if (n <= grain) return body(0, n);
  parallel([&](int part, int parts) {
    const std::int64_t chunks = divide_up(n, grain);
    const std::int64_t begin = std::min(n, chunks * part / parts * grain);
    const std::int64_t end = std::min(n, chunks * (part + 1) / parts * grain);
    if (begin < end) body(begin, end);
  });
}

}  // namespace sumi
