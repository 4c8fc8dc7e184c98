#pragma once

#include "core/isa.h"

namespace sumi {

/// What the processor has and the system lends, up to `isa_cap()`. The first call caps oneDNN alike, so it comes before
/// any use of oneDNN. Error(usage) as `isa_cap`.
Isa usable_isa();

}  // namespace sumi
