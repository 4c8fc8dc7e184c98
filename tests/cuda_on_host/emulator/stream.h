#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "cuda_runtime.h"

namespace cuda_on_host {

struct Capture;

/// A place in a stream's queue, or in a capture.
struct Ticket {
  CUstream_st* stream = nullptr;
  bool reached = false;
  std::chrono::steady_clock::time_point at{};
  std::shared_ptr<Capture> capture{};
  std::size_t position = 0;  ///< steps that the stream had captured
};

struct Item {
  std::function<void()> run;                  ///< with access to the device's memory; throws Problem
  std::shared_ptr<const Ticket> waits_for{};  ///< reached before it runs
  std::span<const std::byte> host{};          ///< pinned memory that it accesses
};

/// Of a stream in a capture: work, or a wait for so many steps of another stream.
struct Step {
  CUstream_st* stream;
  std::function<void()> run{};
  const CUstream_st* waits_for = nullptr;
  std::size_t position = 0;
};

/// What streams record instead of queueing: they came to it from the one that began it, by events.
struct Capture {
  CUstream_st* origin;
  cudaStreamCaptureMode mode;
  std::thread::id thread = std::this_thread::get_id();
  std::vector<Step> steps{};
  std::vector<CUstream_st*> streams{};  ///< in the order in which they came to it
  bool invalid = false;
};

}  // namespace cuda_on_host

struct CUstream_st {
  std::deque<cuda_on_host::Item> queue{};
  std::shared_ptr<cuda_on_host::Capture> capture{};
  std::size_t captured = 0;  ///< steps of the capture that are this stream's
  bool joined = true;        ///< whether the origin waits for all of them
};

struct CUevent_st {
  unsigned flags;
  std::shared_ptr<cuda_on_host::Ticket> recorded{};
};

namespace cuda_on_host {

/// Whether copies and kernels of streams that were made last run as early as they may (control.h).
bool newest_stream_first();

/// Everything of the process that calls share. One call at a time.
struct Runtime {
  static Runtime& get();

  /// Null is the default stream.
  CUstream_st& stream(cudaStream_t handle) { return handle ? *handle : default_stream; }
  bool knows(const CUstream_st* handle) const;

  /// Queues the item, or captures it.
  cudaError_t add(CUstream_st& stream, Item item);
  void capture(CUstream_st& stream, Step step);
  /// Whether a call that a capture forbids would disturb one; this then ends in an error.
  bool disturbs_capture();

  /// Runs a stream's first item, after what it waits for.
  void run_one(CUstream_st& stream);
  void run_all(CUstream_st& stream);
  void run_all();
  /// Before a call waits for a stream: what others do meanwhile.
  void run_others();
  void run_until(const Ticket& ticket);
  /// Whether an item in a queue accesses a part of this memory of the host.
  bool accesses(std::span<const std::byte> host) const;

  /// Remembers what was wrong, for the next call that synchronises.
  void report(cudaError_t error, const std::string& text);
  /// What a call that synchronises returns.
  cudaError_t outcome();

  std::recursive_mutex mutex;
  CUstream_st default_stream;
  std::vector<std::unique_ptr<CUstream_st>> streams;
  std::vector<std::shared_ptr<Capture>> captures;  ///< that are under way
  cudaError_t problem = cudaSuccess, problem_told = cudaSuccess;
  std::string problem_text;

 private:
  Runtime();
};

extern thread_local cudaError_t last_error;

/// Makes an API call of `body`, which returns the call's status: one at a time, the error remembered.
template <class Body>
cudaError_t call(const Body& body) {
  const std::lock_guard lock(Runtime::get().mutex);
  const cudaError_t status = body(Runtime::get());
  if (status != cudaSuccess && status != cudaErrorNotReady) last_error = status;
  return status;
}

/// Such a call that must not be made while a capture is under way.
template <class Body>
cudaError_t call_outside_capture(const Body& body) {
  return call(
      [&](Runtime& runtime) { return runtime.disturbs_capture() ? cudaErrorStreamCaptureUnsupported : body(runtime); });
}

}  // namespace cuda_on_host
