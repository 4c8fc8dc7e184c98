#include "accel/token_merging.h"

namespace sumi {

TokenMerger TokenMerging::merger(std::int64_t latent_height, std::int64_t latent_width) const {
  const auto check_range = [](const char* name, std::int64_t value) {
    check(1 <= value && value <= 16, ErrorCode::usage, "token merging: {} is {}, not 1 to 16", name, value);
  };
  check_range("the cell's height", cell_height);
  check_range("the cell's width", cell_width);
  check_range("max_downsample", max_downsample);
  const double most = 1 - 1 / static_cast<double>(cell_height * cell_width);
  check(0 <= ratio && ratio <= most, ErrorCode::usage,
        "token merging: a ratio of {} with cells of {} x {}, which leave 0 to {} to merge", ratio, cell_height,
        cell_width, most);
  // The reference's ceil(sqrt(floor(latents / tokens))) <= max_downsample, solved for tokens.
  const std::int64_t least = latent_height * latent_width / (max_downsample * max_downsample + 1) + 1;
  TokenMerger merger{
      .ratio = ratio, .cell_height = cell_height, .cell_width = cell_width, .least_tokens = least, .sites = sites};
  if (random) merger.random.emplace();
  return merger;
}

}  // namespace sumi
