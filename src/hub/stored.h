#pragma once

#include "hub/settings.h"
#include "sumi/hub.h"

namespace sumi {

/// `sumi::stored_models` with the cache of `settings`.
std::vector<StoredModel> stored_models(const HubSettings& settings);

}  // namespace sumi
