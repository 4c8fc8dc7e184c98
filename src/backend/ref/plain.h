#pragma once

#include <span>

#include "ops/all.h"

namespace sumi::ref {

/// Elements [first, first + out.size()) of the tensor's memory.
void load(const Tensor& from, std::int64_t first, std::span<float> out);
/// Rounds each value once to the tensor's type.
void store(std::span<const double> values, const Tensor& to, std::int64_t first);

double apply(Activation activation, double x);

/// Columns that `multiply` works on at a time: eight sums in double fit the registers of any x86-64.
constexpr std::int64_t block = 8;
/// sums[p] = sum over i of weights[i] * columns[i * block + p].
void multiply(const float* weights, const double* columns, std::int64_t n, double* sums);

// One function an op, each in the file of its name.
void run(const ActivateOp::Case& c, const ActivateOp::Args& args);
void run(const AttentionOp::Case& c, const AttentionOp::Args& args);
void run(const BiasOp::Case& c, const BiasOp::Args& args);
void run(const BlendOp::Case& c, const BlendOp::Args& args);
void run(const CombineOp::Case& c, const CombineOp::Args& args);
void run(const ConcatOp::Case& c, const ConcatOp::Args& args);
void run(const Conv2dOp::Case& c, const Conv2dOp::Args& args);
void run(const EmbeddingOp::Case& c, const EmbeddingOp::Args& args);
void run(const GateOp::Case& c, const GateOp::Args& args);
void run(const GroupNormOp::Case& c, const GroupNormOp::Args& args);
void run(const GuideOp::Case& c, const GuideOp::Args& args);
void run(const LayerNormOp::Case& c, const LayerNormOp::Args& args);
void run(const LinearOp::Case& c, const LinearOp::Args& args);
void run(const MatchTokensOp::Case& c, const MatchTokensOp::Args& args);
void run(const MergeTokensOp::Case& c, const MergeTokensOp::Args& args);
void run(const NoiseOp::Case& c, const NoiseOp::Args& args);
void run(const SinusoidOp::Case& c, const SinusoidOp::Args& args);
void run(const UnmergeTokensOp::Case& c, const UnmergeTokensOp::Args& args);
void run(const UpsampleOp::Case& c, const UpsampleOp::Args& args);

}  // namespace sumi::ref
