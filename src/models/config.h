#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/settings.h"

namespace sumi {

/// Settings that a model computes in one way only.
struct OnlyChoice {
  const char* key;
  std::vector<Json> values;  ///< null and absent are always fine
};
/// Error(unsupported) naming the first setting with another value.
void refuse_others(const Settings& settings, std::initializer_list<OnlyChoice> choices);

/// A list of strings, or `otherwise` where there is none.
std::vector<std::string> texts_or(const Settings& settings, const char* key, std::vector<std::string> otherwise);

/// Channels of each level, with defaults; Error(bad_file) unless all are multiples of the number of norm groups.
std::vector<std::int64_t> level_channels(const Settings& settings, std::vector<std::int64_t> otherwise,
                                         std::int64_t groups);

// Several times what any model has; they keep a broken configuration from asking for terabytes of biases.
constexpr std::int64_t kMostChannels = 1 << 13, kMostLevels = 8, kMostLayers = 8, kMostDepth = 32;

}  // namespace sumi
