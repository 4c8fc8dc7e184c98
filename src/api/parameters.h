#pragma once

#include <cstdint>
#include <string>

#include "sumi/engine.h"

namespace sumi {

/// A picture's settings as the field's programs keep them in a PNG's `parameters` chunk: their names of samplers, and
/// clip skip counted from 1 for the last layer.
std::string parameters_text(const Report& report, std::uint64_t seed, int width, int height);

}  // namespace sumi
