#pragma once

#include "backend/ref/host.h"
#include "cases.h"
#include "memory.h"

namespace sumi::test {

/// What a trial of an op computes on, and how far from the reference a right answer may be:
///   inputs     makes the tensors of Args but y, in float32
///   convert    rounds them to the types that the case names
///   output     is the shape of y
///   weight     is the shape of the weight, for ops that have one
///   tolerance  bounds |y - expected| for each element of y, from float32 inputs that the case's types hold exactly;
///              0 asks for `expected` rounded to y's type, bit for bit
template <class Op>
struct Problem;

#define SUMI_PROBLEM(Op)                                                                                             \
  template <>                                                                                                        \
  struct Problem<Op> {                                                                                               \
    using Case = Op::Case;                                                                                           \
    using Args = Op::Args;                                                                                           \
    static Args inputs(const Trial<Op>& trial, Random& random, Memory& memory);                                      \
    static void convert(const Case& c, Args& args, Memory& memory);                                                  \
    static Shape output(const Case& c);                                                                              \
    static Values tolerance(const Trial<Op>& trial, const Args& args, const Values& weight, const Values& expected); \
    SUMI_WEIGHT                                                                                                      \
  }
#define SUMI_WEIGHT static Shape weight(const Case& c);
SUMI_PROBLEM(Conv2dOp);
SUMI_PROBLEM(LinearOp);
SUMI_PROBLEM(EmbeddingOp);
#undef SUMI_WEIGHT
#define SUMI_WEIGHT
SUMI_PROBLEM(BiasOp);
SUMI_PROBLEM(GroupNormOp);
SUMI_PROBLEM(LayerNormOp);
SUMI_PROBLEM(AttentionOp);
SUMI_PROBLEM(SinusoidOp);
SUMI_PROBLEM(NoiseOp);
SUMI_PROBLEM(ActivateOp);
SUMI_PROBLEM(GateOp);
SUMI_PROBLEM(CombineOp);
SUMI_PROBLEM(BlendOp);
SUMI_PROBLEM(GuideOp);
SUMI_PROBLEM(ConcatOp);
SUMI_PROBLEM(UpsampleOp);
SUMI_PROBLEM(MatchTokensOp);
SUMI_PROBLEM(MergeTokensOp);
SUMI_PROBLEM(UnmergeTokensOp);
#undef SUMI_WEIGHT
#undef SUMI_PROBLEM

template <class Case>
DType output_type(const Case& c) {
  if constexpr (std::is_same_v<Case, MatchTokensOp::Case>)
    return DType::i32;
  else if constexpr (requires { c.y; })
    return c.y;
  else if constexpr (requires { c.x; })
    return c.x;
  else
    return DType::f32;
}

/// The same case in float32 throughout.
template <class Case>
Case widened(Case c) {
  if constexpr (requires { c.x; }) c.x = DType::f32;
  if constexpr (requires { c.y; }) c.y = DType::f32;
  return c;
}

/// The plain implementation on float32 tensors: its weights are the values in the file's order.
template <class Op>
Values evaluate(const typename Op::Case& c, typename Op::Args args, const Values& weight = {}) {
  static Operations operations = [] {
    Operations made;
    add_ref(made);
    return made;
  }();
  Values y(static_cast<std::size_t>(Problem<Op>::output(c).elements()));
  std::vector<std::byte> stored(y.size() * bytes_of(output_type(c)));
  args.y = Tensor::wrap(stored.data(), Problem<Op>::output(c), output_type(c));
  if constexpr (requires { args.packed; }) args.packed = reinterpret_cast<const std::byte*>(weight.data());
  const auto& chosen = operations.choose<Op>(c);
  chosen.implementation->run(c, chosen.plan, args, nullptr);
  to_float(args.y.dtype(), stored.data(), y);
  return y;
}

}  // namespace sumi::test
