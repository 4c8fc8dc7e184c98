#include "backend/cuda/fastest.h"

#include "backend/cuda/recording.h"
#include "backend/cuda/status.h"

namespace sumi::cuda {
namespace {

constexpr int runs = 8;             ///< at a time
constexpr float advantage = 0.97f;  ///< of the time before

class TimedEvent {
 public:
  TimedEvent() { check_cuda(cudaEventCreate(&event_), "event"); }
  TimedEvent(const TimedEvent&) = delete;
  TimedEvent& operator=(const TimedEvent&) = delete;
  ~TimedEvent() { cudaEventDestroy(event_); }
  void record(const Device& device) { check_cuda(cudaEventRecord(event_, device.stream()), "event"); }
  float milliseconds_since(const TimedEvent& begin) const {
    check_cuda(cudaEventSynchronize(event_), "work on the device");
    float time = 0;
    check_cuda(cudaEventElapsedTime(&time, begin.event_, event_), "time of an event");
    return time;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

bool is_recorded(const Device& device) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check_cuda(cudaStreamIsCapturing(device.stream(), &status), "state of the stream");
  return status != cudaStreamCaptureStatusNone;
}

/// Replayed as a step is: calls one by one would take longer than the work of the smallest cases. Nothing for what
/// cannot be recorded.
std::optional<float> milliseconds(const Device& device, const std::function<void()>& queue) {
  try {
    const auto recording = record(device, [&] {
      for (int i = 0; i < runs; ++i) queue();
    });
    TimedEvent begin, end;
    recording->replay();  // the device is still at it when the rest has been queued
    begin.record(device);
    recording->replay();
    end.record(device);
    return end.milliseconds_since(begin);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<std::size_t> fastest(const Device& device, std::size_t count,
                                   const std::function<bool(std::size_t)>& queue) {
  if (is_recorded(device)) return std::nullopt;
  std::optional<std::size_t> best;
  float least = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!queue(i)) continue;  // which also loads its code, for that cannot be recorded
    if (count == 1) return i;
    const auto time = milliseconds(device, [&] { queue(i); });
    if (!time || (best && *time >= advantage * least)) continue;
    best = i;
    least = *time;
  }
  return best;
}

}  // namespace sumi::cuda
