#pragma once

#include <atomic>

namespace sumi::cli {

/// From now on the first SIGINT or SIGTERM sets the flag that is returned, and the second ends the process with status
/// 130.
const std::atomic<bool>& stop_on_signals();

}  // namespace sumi::cli
