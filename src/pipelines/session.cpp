#include "pipelines/session.h"

#include "backend/meta/meta.h"

namespace sumi {

Session::Session(Backend& backend, DType type, bool int8)
    : backend_(backend),
      meta_(make_meta_backend(backend)),
      packer_(make_meta_backend(backend, Packing::real)),
      type_(type),
      int8_(int8) {}

Booked Session::plan(const Body& body) {
  Arena arena = Arena::dry();
  Context ctx{.backend = *meta_, .arena = arena, .type = type_, .int8 = int8_};
  body(ctx);
  return {arena.peak(), ctx.flops, ctx.factor_flops};
}

void Session::load(const Body& body, const std::atomic<bool>* stop) {
  Arena arena = Arena::dry();
  Context ctx{.backend = *packer_, .arena = arena, .type = type_, .int8 = int8_, .stop = stop};
  body(ctx);
}

void Session::run(const Booked& booked, const Body& body, Trace* trace, const std::atomic<bool>* stop) {
  if (booked.activation_bytes > capacity_) {
    release();
    memory_ = backend_.allocate(booked.activation_bytes);
    capacity_ = booked.activation_bytes;
  }
  Arena arena(memory_, booked.activation_bytes);
  Context ctx{.backend = backend_, .arena = arena, .type = type_, .int8 = int8_, .trace = trace, .stop = stop};
  body(ctx);
}

Workspace Session::open(const Booked& booked) const {
  return {backend_, type_, int8_, Arena(backend_.allocate(booked.activation_bytes), booked.activation_bytes)};
}

void Session::release() {
  memory_.reset();
  capacity_ = 0;
}

}  // namespace sumi
