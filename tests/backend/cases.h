#pragma once

#include <array>
#include <vector>

#include "ops/all.h"

namespace sumi::test {

/// Of activations, in ops without weights.
constexpr std::array<DType, 2> activation_types{DType::f32, DType::bf16};

/// What the values of a trial are like, where the case does not say.
enum class Data {
  ordinary,    ///< normal, of deviation 1
  large,       ///< attention: scores in the hundreds
  offset,      ///< norms: a mean far from zero beside a small deviation
  cancelling,  ///< combine: large coefficients whose sum is small
  in_place,    ///< combine: y is the last of x
};

template <class Op>
struct Trial {
  typename Op::Case c;
  Data data = Data::ordinary;
};

/// The trials of an op: odd sizes, tails, single elements, every type and combination of what is fused that it has.
template <class Op>
struct Cases;

#define SUMI_CASES(Op)                   \
  template <>                            \
  struct Cases<Op> {                     \
    static std::vector<Trial<Op>> all(); \
  }
SUMI_CASES(Conv2dOp);
SUMI_CASES(LinearOp);
SUMI_CASES(BiasOp);
SUMI_CASES(GroupNormOp);
SUMI_CASES(LayerNormOp);
SUMI_CASES(AttentionOp);
SUMI_CASES(EmbeddingOp);
SUMI_CASES(SinusoidOp);
SUMI_CASES(NoiseOp);
SUMI_CASES(ActivateOp);
SUMI_CASES(GateOp);
SUMI_CASES(CombineOp);
SUMI_CASES(BlendOp);
SUMI_CASES(GuideOp);
SUMI_CASES(ConcatOp);
SUMI_CASES(UpsampleOp);
SUMI_CASES(MatchTokensOp);
SUMI_CASES(MergeTokensOp);
SUMI_CASES(UnmergeTokensOp);
#undef SUMI_CASES

}  // namespace sumi::test
