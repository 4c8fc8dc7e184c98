#pragma once

#include <span>
#include <vector>

#include "problem.h"

namespace sumi::test {

struct LinearSize {
  std::int64_t rows, in, out;
};

/// Each size in f32 and bf16, gated and not, with and without what is fused.
inline std::vector<Trial<LinearOp>> linear_trials(std::span<const LinearSize> sizes,
                                                  Rounding rounding = Rounding::none) {
  std::vector<Trial<LinearOp>> trials;
  for (const LinearSize& s : sizes) {
    for (const DType type : activation_types) {
      for (const bool gated : {false, true}) {
        const std::size_t turn = trials.size();
        trials.push_back({{.rows = s.rows,
                           .in = s.in,
                           .out = s.out,
                           .x = type,
                           .y = type,
                           .activation = gated           ? Activation::gelu
                                         : turn % 3 == 0 ? Activation::silu
                                                         : Activation::none,
                           .gated = gated,
                           .bias = turn % 4 != 1,
                           .residual = turn % 5 < 2,
                           .rounding = rounding}});
      }
    }
  }
  return trials;
}

}  // namespace sumi::test
