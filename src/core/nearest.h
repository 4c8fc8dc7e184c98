#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sumi/program.h"

namespace sumi {

/// Those of `known` that somebody who wrote `wanted` may have meant, nearest first, at most three: letters' case aside,
/// at most a third of the letters are changed, added, left out or swapped with their neighbour, or one begins the
/// other.
std::vector<std::string> nearest_names(std::string_view wanted, std::span<const std::string> known);

/// As did_you_mean of sumi/program.h, of names that are known to be near.
std::string did_you_mean(std::span<const std::string> near);

}  // namespace sumi
