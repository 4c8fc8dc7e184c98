#include "models/config.h"

#include <algorithm>

#include <fmt/ranges.h>

namespace sumi {

void refuse_others(const Settings& settings, std::initializer_list<OnlyChoice> choices) {
  for (const auto& [key, values] : choices) {
    if (!settings.has(key) || std::find(values.begin(), values.end(), settings.at(key)) != values.end()) continue;
    std::vector<std::string> known;
    for (const Json& value : values) known.push_back(value.dump());
    if (known.empty()) known.push_back("null");
    fail(ErrorCode::unsupported, "{}: {}: {} is not supported, only {}", settings.where(), key,
         settings.at(key).dump().substr(0, 80), fmt::join(known, " and "));
  }
}

std::vector<std::string> texts_or(const Settings& settings, const char* key, std::vector<std::string> otherwise) {
  return settings.has(key) ? settings.texts(key) : std::move(otherwise);
}

std::vector<std::int64_t> level_channels(const Settings& settings, std::vector<std::int64_t> otherwise,
                                         std::int64_t groups) {
  constexpr const char* kKey = "block_out_channels";
  if (settings.has(kKey)) {
    const Json& list = settings.at(kKey);
    if (!list.is_array() || list.empty() || list.size() > kMostLevels)
      settings.reject(kKey, "expected a list of 1 to {} integers", kMostLevels);
    otherwise = settings.integers(kKey, 0, list.size(), 1, kMostChannels);
  }
  for (const std::int64_t channels : otherwise) {
    if (channels % groups) settings.reject(kKey, "{} is not a multiple of the {} norm groups", channels, groups);
  }
  return otherwise;
}

}  // namespace sumi
