#pragma once

#include "sumi/tools.h"

namespace sumi {

/// Width and height of 0 become what the model's UNet was trained on.
void settle_size(BenchOptions& options);

}  // namespace sumi
