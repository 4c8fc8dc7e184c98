#pragma once

#include "backend/cuda/device.h"
#include "ops/all.h"

namespace sumi::cuda {

// The plain kernel of every op, each in the file of its name: any shape, activations of f32, f16 and bf16, sums in
// float32. Weights come as `pack.h` lays them out. Ops with `scratch_bytes` get so much memory.
void run(const Device& device, const ActivateOp::Case& c, const ActivateOp::Args& args);
void run(const Device& device, const AttentionOp::Case& c, const AttentionOp::Args& args);
void run(const Device& device, const BiasOp::Case& c, const BiasOp::Args& args);
void run(const Device& device, const BlendOp::Case& c, const BlendOp::Args& args);
void run(const Device& device, const CombineOp::Case& c, const CombineOp::Args& args);
void run(const Device& device, const ConcatOp::Case& c, const ConcatOp::Args& args);
void run(const Device& device, const Conv2dOp::Case& c, const Conv2dOp::Args& args);
void run(const Device& device, const EmbeddingOp::Case& c, const EmbeddingOp::Args& args);
void run(const Device& device, const GateOp::Case& c, const GateOp::Args& args);
std::size_t scratch_bytes(const Device& device, const GroupNormOp::Case& c);
void run(const Device& device, const GroupNormOp::Case& c, const GroupNormOp::Args& args, std::byte* scratch);
void run(const Device& device, const GuideOp::Case& c, const GuideOp::Args& args);
void run(const Device& device, const LayerNormOp::Case& c, const LayerNormOp::Args& args);
void run(const Device& device, const LinearOp::Case& c, const LinearOp::Args& args);
std::size_t scratch_bytes(const Device& device, const MatchTokensOp::Case& c);
void run(const Device& device, const MatchTokensOp::Case& c, const MatchTokensOp::Args& args, std::byte* scratch);
void run(const Device& device, const MergeTokensOp::Case& c, const MergeTokensOp::Args& args);
void run(const Device& device, const NoiseOp::Case& c, const NoiseOp::Args& args);
void run(const Device& device, const SinusoidOp::Case& c, const SinusoidOp::Args& args);
void run(const Device& device, const UnmergeTokensOp::Case& c, const UnmergeTokensOp::Args& args);
void run(const Device& device, const UpsampleOp::Case& c, const UpsampleOp::Args& args);

}  // namespace sumi::cuda
