#pragma once

#include <functional>
#include <memory>

#include "backend/cuda/device.h"
#include "ops/backend.h"

namespace sumi::cuda {

/// Captures what `body` queues on the device's stream as a graph, whose replay is one call. At most two replays are
/// queued ahead of the device: a third waits for the first, so that a stop on request takes no longer than that.
/// `device` outlives the recording.
std::unique_ptr<Recording> record(const Device& device, const std::function<void()>& body);

}  // namespace sumi::cuda
