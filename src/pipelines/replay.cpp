#include "pipelines/replay.h"

#include "backend/meta/meta.h"

namespace sumi {
namespace {

// A recording takes memory of the driver's, and variants beyond a few are those of values that change with each step.
constexpr std::size_t most_recordings = 8;

Context with(const Context& ctx, Backend& backend, Arena& arena) {
  return {.backend = backend,
          .arena = arena,
          .type = ctx.type,
          .rounding = ctx.rounding,
          .need = Need::often,
          .trace = ctx.trace,
          .stop = ctx.stop};
}

}  // namespace

Replay::Known Replay::plan(Context& ctx, const Body& body) {
  const auto meta = ctx.backend.dry() ? nullptr : make_meta_backend(ctx.backend);
  Arena arena = Arena::dry();
  Context dry = with(ctx, meta ? *meta : ctx.backend, arena);
  dry.trace = nullptr;
  body(dry);
  if (arena.peak() > memory_.size()) {
    for (auto& [variant, known] : known_) known.recording.reset();
    memory_ = {};
    memory_ = ctx.arena.take(arena.peak());
  }
  return {.flops = dry.flops, .factor_flops = dry.factor_flops};
}

void Replay::run(Context& ctx, Known& known, const Body& body) {
  Arena arena({std::shared_ptr<std::byte>(), memory_.data()}, memory_.size());
  Context inner = with(ctx, ctx.backend, arena);
  const bool warm = known.calls++ > 0;
  if (ctx.trace || !warm || known_.size() > most_recordings) return body(inner);
  if (known.recording && !known.recording->current()) known.recording.reset();
  if (!known.recording) known.recording = ctx.backend.record([&] { body(inner); });
  check(!ctx.stop || !ctx.stop->load(std::memory_order_relaxed), ErrorCode::cancelled, "stopped on request");
  known.recording->replay();
}

void Replay::operator()(Context& ctx, const Variant& variant, const Body& body) {
  if (!ctx.backend.records()) return body(ctx);
  auto at = known_.find(variant);
  if (at == known_.end()) at = known_.emplace(variant, plan(ctx, body)).first;
  if (!ctx.backend.dry()) run(ctx, at->second, body);
  ctx.flops += at->second.flops;
  ctx.factor_flops += at->second.factor_flops;
}

}  // namespace sumi
