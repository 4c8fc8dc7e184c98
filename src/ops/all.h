#pragma once

#include "ops/attention.h"
#include "ops/conv2d.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/layout.h"
#include "ops/linear.h"
#include "ops/noise.h"
#include "ops/norm.h"
#include "ops/token_merging.h"

namespace sumi {

template <class... Ops>
struct OpList {};

using AllOps = OpList<Conv2dOp, LinearOp, BiasOp, GroupNormOp, LayerNormOp, AttentionOp, EmbeddingOp, SinusoidOp,
                      NoiseOp, ActivateOp, GateOp, CombineOp, BlendOp, GuideOp, ConcatOp, UpsampleOp, MatchTokensOp,
                      MergeTokensOp, UnmergeTokensOp>;

}  // namespace sumi
