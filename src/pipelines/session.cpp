#include "pipelines/session.h"

#include "backend/meta/meta.h"
#include "core/check.h"

namespace sumi {

Session::Session(Backend& backend, DType type, Rounding rounding)
    : backend_(backend),
      meta_(make_meta_backend(backend)),
      packer_(make_meta_backend(backend, Packing::real)),
      type_(type),
      rounding_(rounding) {}

Booked Session::plan(const Body& body) {
  Arena arena = Arena::dry();
  Context ctx{.backend = *meta_, .arena = arena, .type = type_, .rounding = rounding_};
  body(ctx);
  return {arena.peak(), ctx.flops, ctx.factor_flops};
}

void Session::make_room(const Booked& booked) {
  if (booked.activation_bytes > capacity_) release();
  // An arena that is larger than it needs to be is kept where that leaves room: weights then stay where they are.
  try {
    return backend_.make_room(memory_ ? 0 : booked.activation_bytes);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::out_of_memory || capacity_ == booked.activation_bytes || !memory_) throw;
  }
  release();
  backend_.make_room(booked.activation_bytes);
}

void Session::load(const Booked& booked, const Body& body, const std::atomic<bool>* stop) {
  make_room(booked);
  Arena arena = Arena::dry();
  Context ctx{.backend = *packer_, .arena = arena, .type = type_, .rounding = rounding_, .stop = stop};
  body(ctx);
}

void Session::run(const Booked& booked, const Body& body, Trace* trace, const std::atomic<bool>* stop) {
  make_room(booked);
  if (!memory_ && booked.activation_bytes > 0) {
    memory_ = backend_.allocate(booked.activation_bytes);
    capacity_ = booked.activation_bytes;
  }
  Arena arena(memory_, booked.activation_bytes);
  Context ctx{.backend = backend_, .arena = arena, .type = type_, .rounding = rounding_, .trace = trace, .stop = stop};
  body(ctx);
}

Workspace Session::open(const Booked& booked) {
  backend_.make_room(booked.activation_bytes);
  return {backend_, type_, rounding_, Arena(backend_.allocate(booked.activation_bytes), booked.activation_bytes)};
}

void Session::release() {
  memory_.reset();
  capacity_ = 0;
}

}  // namespace sumi
