#include "accel/deepcache.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

namespace sumi {
namespace {

constexpr std::int64_t kBranchesOfStage = 3;

std::optional<std::int64_t> number(std::string_view text, std::int64_t least) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least) return {};
  return value;
}

}  // namespace

DeepCache DeepCache::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto interval = number(text.substr(0, colon), 1);
  const auto branch = colon == text.npos ? 0 : number(text.substr(colon + 1), 0);
  check(interval && branch, ErrorCode::usage,
        "deepcache: '{}' is not INTERVAL or INTERVAL:BRANCH, an interval from 1 and a branch from 0, like 3 or 3:1",
        text);
  return {*interval, *branch};
}

std::size_t DeepCache::layers(const UNetConfig& unet) const {
  const auto stages = static_cast<std::int64_t>(unet.up.size()), stage = branch / kBranchesOfStage;
  check(0 <= branch && stage < stages, ErrorCode::usage, "deepcache: the model has no branch {}, only 0 to {}", branch,
        kBranchesOfStage * stages - 1);
  const auto last = unet.up.rbegin() + stage;
  const std::int64_t whole = std::accumulate(unet.up.rbegin(), last, std::int64_t{0},
                                             [](std::int64_t sum, const auto& each) { return sum + each.layers; });
  return static_cast<std::size_t>(whole + std::min(branch % kBranchesOfStage + 1, last->layers));
}

}  // namespace sumi
