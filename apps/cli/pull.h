#pragma once

#include <atomic>
#include <string>

namespace sumi::cli {

/// Fetches a model of a hub that is not here yet, with its progress on standard error; of other models nothing happens.
/// To be called with each model that a command is given, before it is opened. Errors as sumi::pull.
void fetch_if_needed(const std::string& model, bool silent, const std::atomic<bool>& stop);

}  // namespace sumi::cli
