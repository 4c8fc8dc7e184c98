#pragma once

#include <cuda_runtime.h>

#include "backend/cuda/status.h"

namespace sumi::cuda {

/// A place in a stream's queue.
class Event {
 public:
  Event() { check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "event"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    cudaEventSynchronize(event_);
    cudaEventDestroy(event_);
  }

  void record(cudaStream_t stream) { check_cuda(cudaEventRecord(event_, stream), "event"); }
  /// Until the stream has come to where it was last recorded; at once where it never was.
  void wait() const { check_cuda(cudaEventSynchronize(event_), "work on the device"); }
  cudaEvent_t handle() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace sumi::cuda
