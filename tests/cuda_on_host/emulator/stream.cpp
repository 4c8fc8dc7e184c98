#include "emulator/stream.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "emulator/block.h"
#include "emulator/control.h"
#include "emulator/device_memory.h"
#include "emulator/problem.h"

namespace cuda_on_host {
namespace {

/// CUDA's own variable.
bool runs_at_once() {
  const char* const given = std::getenv("CUDA_LAUNCH_BLOCKING");
  return given && std::string_view(given) == "1";
}

}  // namespace

bool newest_stream_first() {
  const char* const given = std::getenv("CUDA_ON_HOST_STREAMS");
  return given && std::string_view(given) == "newest";
}

thread_local cudaError_t last_error = cudaSuccess;

Runtime::Runtime() { explain_faults(describe_running); }

Runtime& Runtime::get() {
  static Runtime& runtime = *new Runtime;  // outlives what static objects free
  return runtime;
}

bool Runtime::knows(const CUstream_st* handle) const {
  return !handle || std::any_of(streams.begin(), streams.end(), [&](const auto& each) { return each.get() == handle; });
}

cudaError_t Runtime::add(CUstream_st& stream, Item item) {
  if (stream.capture) {
    if (stream.capture->invalid) return cudaErrorStreamCaptureInvalidated;
    capture(stream, {.stream = &stream, .run = std::move(item.run)});
    return cudaSuccess;
  }
  stream.queue.push_back(std::move(item));
  if (!runs_at_once()) return cudaSuccess;
  run_all(stream);
  return outcome();
}

void Runtime::capture(CUstream_st& stream, Step step) {
  stream.capture->steps.push_back(std::move(step));
  ++stream.captured;
  stream.joined = false;
}

bool Runtime::disturbs_capture() {
  bool disturbed = false;
  for (const auto& each : captures) {
    const bool forbids = each->mode == cudaStreamCaptureModeGlobal ||
                         (each->mode == cudaStreamCaptureModeThreadLocal && each->thread == std::this_thread::get_id());
    each->invalid |= forbids;
    disturbed |= forbids;
  }
  return disturbed;
}

void Runtime::run_one(CUstream_st& stream) {
  const Item item = std::move(stream.queue.front());
  stream.queue.pop_front();
  if (item.waits_for) run_until(*item.waits_for);
  const DeviceAccess access;
  try {
    item.run();
  } catch (const Problem& found) {
    report(found.error, found.what());
  }
}

// Access is opened once for all items: it takes a call of the system for each allocation.
void Runtime::run_all(CUstream_st& stream) {
  if (stream.queue.empty()) return;
  const DeviceAccess access;
  while (!stream.queue.empty()) run_one(stream);
}

void Runtime::run_all() {
  run_all(default_stream);
  for (const auto& each : streams) run_all(*each);
}

void Runtime::run_others() {
  if (!newest_stream_first()) return;
  for (auto each = streams.rbegin(); each != streams.rend(); ++each) run_all(**each);
}

void Runtime::run_until(const Ticket& ticket) {
  if (ticket.reached) return;
  const DeviceAccess access;
  while (!ticket.reached) run_one(*ticket.stream);
}

bool Runtime::accesses(std::span<const std::byte> host) const {
  const auto overlaps = [&](const Item& item) {
    return !item.host.empty() && item.host.data() < host.data() + host.size() &&
           host.data() < item.host.data() + item.host.size();
  };
  const auto any = [&](const CUstream_st& stream) {
    return std::any_of(stream.queue.begin(), stream.queue.end(), overlaps);
  };
  return any(default_stream) ||
         std::any_of(streams.begin(), streams.end(), [&](const auto& each) { return any(*each); });
}

void Runtime::report(cudaError_t error, const std::string& text) {
  std::fprintf(stderr, "cuda_on_host: %s\n", text.c_str());
  if (problem != cudaSuccess) return;
  problem = problem_told = error;
  problem_text = text;
}

cudaError_t Runtime::outcome() {
  const std::string written = check_red_zones();
  if (!written.empty()) report(cudaErrorIllegalAddress, written);
  return std::exchange(problem, cudaSuccess);
}

std::size_t queued_items() {
  const Runtime& runtime = Runtime::get();
  std::size_t items = runtime.default_stream.queue.size();
  for (const auto& each : runtime.streams) items += each->queue.size();
  return items;
}

}  // namespace cuda_on_host

using namespace cuda_on_host;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return call([&](Runtime& runtime) {
    if (flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
    *stream = runtime.streams.emplace_back(std::make_unique<CUstream_st>()).get();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call([&](Runtime& runtime) {
    if (!stream || !runtime.knows(stream)) return cudaErrorInvalidResourceHandle;
    runtime.run_all(*stream);
    std::erase_if(runtime.streams, [&](const auto& each) { return each.get() == stream; });
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call_outside_capture([&](Runtime& runtime) {
    if (!runtime.knows(stream)) return cudaErrorInvalidResourceHandle;
    runtime.run_others();
    runtime.run_all(runtime.stream(stream));
    return runtime.outcome();
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call_outside_capture([&](Runtime& runtime) {
    runtime.run_others();
    runtime.run_all();
    return runtime.outcome();
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return call_outside_capture([&](Runtime& runtime) {
    if (!runtime.knows(handle)) return cudaErrorInvalidResourceHandle;
    CUstream_st& stream = runtime.stream(handle);
    if (stream.queue.empty()) return runtime.outcome();
    runtime.run_one(stream);
    return stream.queue.empty() ? runtime.outcome() : cudaErrorNotReady;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  return call([&](Runtime& runtime) {
    if (!runtime.knows(handle) || !event) return cudaErrorInvalidResourceHandle;
    if (!event->recorded) return cudaSuccess;
    CUstream_st& stream = runtime.stream(handle);
    const auto& capture = event->recorded->capture;
    if (!capture) {
      if (!stream.capture) return runtime.add(stream, {.run = [] {}, .waits_for = event->recorded});
      stream.capture->invalid = true;
      return cudaErrorStreamCaptureIsolation;
    }
    if (std::find(runtime.captures.begin(), runtime.captures.end(), capture) == runtime.captures.end()) {
      return cudaErrorCapturedEvent;
    }
    if (stream.capture && stream.capture != capture) {
      stream.capture->invalid = capture->invalid = true;
      return cudaErrorStreamCaptureMerge;
    }
    if (!stream.capture) {
      stream.capture = capture;
      stream.joined = false;
      capture->streams.push_back(&stream);
    }
    CUstream_st& waited = *event->recorded->stream;
    runtime.capture(stream, {.stream = &stream, .waits_for = &waited, .position = event->recorded->position});
    if (&stream == capture->origin && event->recorded->position == waited.captured) waited.joined = true;
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return call([&](Runtime&) {
    *event = new CUevent_st{flags};
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call([&](Runtime&) {
    if (!event) return cudaErrorInvalidResourceHandle;
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  return call([&](Runtime& runtime) {
    if (!runtime.knows(handle) || !event) return cudaErrorInvalidResourceHandle;
    CUstream_st& stream = runtime.stream(handle);
    const auto ticket = std::make_shared<Ticket>(Ticket{.stream = &stream});
    event->recorded = ticket;
    if (stream.capture) {
      ticket->capture = stream.capture;
      ticket->position = stream.captured;
      return stream.capture->invalid ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
    }
    return runtime.add(stream, {.run = [ticket] {
                         ticket->reached = true;
                         ticket->at = std::chrono::steady_clock::now();
                       }});
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call_outside_capture([&](Runtime& runtime) {
    if (!event) return cudaErrorInvalidResourceHandle;
    if (!event->recorded) return cudaSuccess;
    if (event->recorded->capture) return cudaErrorCapturedEvent;
    runtime.run_others();
    runtime.run_until(*event->recorded);
    return runtime.outcome();
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call_outside_capture([&](Runtime& runtime) {
    if (!event) return cudaErrorInvalidResourceHandle;
    if (!event->recorded) return cudaSuccess;
    const Ticket& ticket = *event->recorded;
    if (ticket.capture) return cudaErrorCapturedEvent;
    if (!ticket.reached) runtime.run_one(*ticket.stream);
    return ticket.reached ? runtime.outcome() : cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return call([&](Runtime&) {
    for (const CUevent_st* each : {start, end}) {
      if (!each || !each->recorded || each->flags & cudaEventDisableTiming) return cudaErrorInvalidResourceHandle;
      if (!each->recorded->reached) return cudaErrorNotReady;
    }
    *milliseconds = std::chrono::duration<float, std::milli>(end->recorded->at - start->recorded->at).count();
    return cudaSuccess;
  });
}
