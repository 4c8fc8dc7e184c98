#include "backend/cuda/ring.h"

namespace sumi::cuda {

std::optional<std::size_t> Ring::take(std::size_t bytes) {
  const std::size_t first = taken_.empty() ? 0 : taken_.front().begin;
  std::size_t begin = taken_.empty() ? 0 : taken_.back().end;
  const bool wrapped = !taken_.empty() && taken_.back().begin < first;
  if (!wrapped && bytes_ - begin < bytes) {
    if (taken_.empty() || first < bytes) return std::nullopt;
    begin = 0;
  } else if (wrapped && first - begin < bytes) {
    return std::nullopt;
  }
  taken_.push_back({begin, begin + bytes});
  return begin;
}

}  // namespace sumi::cuda
