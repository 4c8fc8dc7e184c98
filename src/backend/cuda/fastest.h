#pragma once

#include <functional>
#include <optional>

#include "backend/cuda/device.h"

namespace sumi::cuda {

/// Which of several ways to compute the same takes least time on the device, found by trying: `queue(i)` queues the
/// i-th and says whether it can be had; doing so again and again must do no harm. A later one must be 3 % faster than
/// an earlier, so that noise does not choose. Nothing where the stream is being recorded, or none can be had.
std::optional<std::size_t> fastest(const Device& device, std::size_t count,
                                   const std::function<bool(std::size_t)>& queue);

}  // namespace sumi::cuda
