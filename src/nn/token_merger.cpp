#include "nn/token_merger.h"

#include <algorithm>

namespace sumi {

std::optional<MergedTokens> TokenMerger::match(Context& ctx, const Tensor& x, std::int64_t height, std::int64_t width) {
  const std::int64_t tokens = height * width;
  if (tokens < least_tokens) return {};
  const auto kept = destinations(height, width);
  const auto merged = std::min(static_cast<std::int64_t>(static_cast<double>(tokens) * ratio),
                               tokens - static_cast<std::int64_t>(kept.size()));
  if (kept.empty() || merged < 1) return {};
  return MergedTokens{match_tokens(ctx, x, kept, merged), tokens - merged, sites};
}

std::vector<std::int32_t> TokenMerger::destinations(std::int64_t height, std::int64_t width) {
  std::vector<std::int32_t> tokens;
  for (std::int64_t y = 0; y + cell_height <= height; y += cell_height) {
    for (std::int64_t x = 0; x + cell_width <= width; x += cell_width) {
      const std::int64_t size = cell_height * cell_width;
      const auto at = random ? static_cast<std::int64_t>((*random)() % static_cast<std::uint64_t>(size)) : 0;
      tokens.push_back(static_cast<std::int32_t>((y + at / cell_width) * width + x + at % cell_width));
    }
  }
  std::sort(tokens.begin(), tokens.end());
  return tokens;
}

}  // namespace sumi
