#pragma once

#include <atomic>
#include <string>
#include <vector>

namespace sumi::cli {

/// Fetches those models that a hub has and that are not here yet, with the progress on standard error; of the others
/// nothing happens. To be called with all models that a command is given, before they are opened. Without `stop`
/// signals end the program, and the next pull goes on where it was. Errors as sumi::pull.
void fetch_if_needed(const std::vector<std::string>& models, bool silent = false,
                     const std::atomic<bool>* stop = nullptr);

}  // namespace sumi::cli
