#pragma once

#include <functional>
#include <string_view>

#include "ops/operations.h"

namespace sumi {

using Upsample = std::function<void(const UpsampleOp::Case&, const UpsampleOp::Args&)>;

/// Appends "repeated" for convolutions of an upsampled x: its pixels in scratch memory, each two by two by `upsample`,
/// and whatever of the list convolves those. Declines where that is the one called `last` (a literal), which upsamples
/// by itself.
void add_repeated(Operations& operations, std::string_view last, Upsample upsample);

}  // namespace sumi
