#pragma once

#include "ops/context.h"
#include "ops/operations.h"
#include "ops/weight.h"

namespace sumi {

/// The one way from an op to an implementation: chooses, packs the weight on first need, lends scratch, counts and
/// records. Ops with weights have `const std::byte* packed` in their Args.
template <class Op>
void dispatch(Context& ctx, const typename Op::Case& c, typename Op::Args args, const Weight* weight = nullptr) {
  check(!ctx.stop || !ctx.stop->load(std::memory_order_relaxed), ErrorCode::cancelled, "stopped on request");
  const auto& chosen = ctx.backend.operations().choose<Op>(c);
  if constexpr (requires { args.packed; }) args.packed = weight->packed<Op>(ctx, c, chosen);
  const Block scratch = ctx.arena.take(chosen.plan.scratch_bytes);
  ctx.flops += c.flops();
  if (ctx.backend.dry()) return;
  Trace::Span span(ctx.trace, "op", Op::name);
  if (ctx.trace) span.detail(c.text(), chosen.implementation->name(), c.flops());
  chosen.implementation->run(c, chosen.plan, args, scratch.data());
  if (ctx.trace) ctx.backend.finish();  // within the span: work that is only queued has no length
}

}  // namespace sumi
