#pragma once

#include <memory>

#include "backend/cuda/cudnn_graph.h"
#include "backend/cuda/plan_file.h"
#include "ops/operations.h"

namespace sumi::cuda {

/// Appends cuDNN's attention, called "cudnn"; where the library is missing it says so and takes nothing. What it tries
/// is kept in `plans`.
void add_cudnn_attention(Operations& operations, std::shared_ptr<const Cudnn> cudnn, std::shared_ptr<PlanFile> plans);

/// The places of the graph's tensors in memory, and of the scale.
enum AttentionPlace : std::int64_t { attention_q = 1, attention_k, attention_v, attention_scale, attention_y };

CudnnGraph attention_graph(const AttentionOp::Case& c);
CudnnWish attention_wish();
void run_attention(const CudnnPlan& plan, const AttentionOp::Args& args, std::byte* scratch);

}  // namespace sumi::cuda
