#pragma once

#include <cstddef>

#include "ops/all.h"
#include "ops/implementation.h"

namespace sumi::cuda {

// The one form of weights on a GPU, whoever multiplies: values rounded to `type`, the inputs of an output side by side.
// A linear's are (weight_rows, in), a convolution's (out_channels, kernel, kernel, in_channels) as activations are
// channels last, an embedding's (vocabulary, channels).

/// The type that weights of a case are stored in: that of x, or of y where an op has no x.
DType weight_type(const Conv2dOp::Case& c);
DType weight_type(const LinearOp::Case& c);
DType weight_type(const EmbeddingOp::Case& c);

/// A plan for such a weight, without scratch.
Plan weight_plan(const Conv2dOp::Case& c);
Plan weight_plan(const LinearOp::Case& c);
Plan weight_plan(const EmbeddingOp::Case& c);

/// Into host memory, in parallel.
void pack(const Conv2dOp::Case& c, const Source& source, std::byte* to);
void pack(const LinearOp::Case& c, const Source& source, std::byte* to);
void pack(const EmbeddingOp::Case& c, const Source& source, std::byte* to);

}  // namespace sumi::cuda
