#pragma once

#include <optional>

#include "nn/basic.h"

namespace sumi {

/// Two linears with a SiLU between, on sinusoids.
struct TimeEmbedding {
  Linear linear_1, linear_2;
  std::optional<Linear> condition_projection;

  /// `condition` channels are projected and added to the sinusoids (Meng et al., 2023, section 3.1); 0 for none.
  TimeEmbedding(const Loader& loader, std::int64_t in, std::int64_t out, std::int64_t condition = 0);

  /// x: (batch, in), condition: (batch, condition), residual: (batch, out), added to the result.
  Tensor operator()(Context& ctx, Tensor x, const Tensor& condition = {}, const Tensor& residual = {}) const;
};

}  // namespace sumi
