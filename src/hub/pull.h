#pragma once

#include "hub/settings.h"
#include "sumi/hub.h"

namespace sumi {

/// `sumi::pull` with the hub, the cache and the patience of `settings`.
PullResult pull(const PullOptions& options, const HubSettings& settings);

}  // namespace sumi
