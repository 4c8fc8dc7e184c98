#pragma once

#include <cstdint>
#include <functional>

namespace sumi {

/// The one seam to OpenMP outside the kernels of other libraries, which use the same pool.

/// Threads that the calling thread's parallel regions use; 0 in `set_threads` means one per core.
int threads();
void set_threads(int count);

/// Runs body(part, parts) once in each of `parts` threads. The first exception is kept and rethrown after all ended.
/// Nested calls run in one thread.
void parallel(const std::function<void(int part, int parts)>& body);

/// How many pieces of `by` cover n.
constexpr std::int64_t divide_up(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

/// Runs body(number, part) for 0..n, each number as soon as a thread is free: `part` is the thread's, below `most`.
void parallel_each(std::int64_t n, int most, const std::function<void(std::int64_t number, int part)>& body);

/// Splits 0..n into one contiguous range a thread, each but the last a multiple of `grain`, and runs body(begin, end).
void parallel_for(std::int64_t n, std::int64_t grain, const std::function<void(std::int64_t, std::int64_t)>& body);

}  // namespace sumi
