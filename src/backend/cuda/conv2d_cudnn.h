#pragma once

#include <memory>

#include "backend/cuda/cudnn_graph.h"
#include "backend/cuda/plan_file.h"
#include "ops/operations.h"

namespace sumi::cuda {

/// Appends cuDNN's convolutions, called "cudnn"; where the library is missing they say so and take nothing. What they
/// try is kept in `plans`.
void add_cudnn_conv2d(Operations& operations, std::shared_ptr<const Cudnn> cudnn, std::shared_ptr<PlanFile> plans);

/// How much of a case a graph has: all of it, or the sums alone, of x's type.
enum class Conv2dPart { all, sums };

/// The places of a graph's tensors in memory.
enum Conv2dPlace : std::int64_t { conv2d_x = 1, conv2d_weight, conv2d_bias, conv2d_row, conv2d_residual, conv2d_y };

/// Whether cuDNN has words for that part of the case.
bool has_conv2d_graph(const Conv2dOp::Case& c, Conv2dPart part);
/// Pixels of y lie `apart` pixels from each other in both directions, beginning at any of them.
CudnnGraph conv2d_graph(const Conv2dOp::Case& c, Conv2dPart part, std::int64_t apart = 1);
CudnnWish conv2d_wish(const Cudnn& cudnn, const Conv2dOp::Case& c, Conv2dPart part);
/// Queues a case by a plan for that part of it. `sums` is memory for them, y's own where x and y have one type.
void run_conv2d(const Cudnn& cudnn, const Conv2dOp::Case& c, Conv2dPart part, const CudnnPlan& plan,
                const Conv2dOp::Args& args, std::byte* sums, std::byte* scratch);

}  // namespace sumi::cuda
