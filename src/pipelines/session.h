#pragma once

#include <functional>

#include "ops/context.h"

namespace sumi {

/// What a dry run told about a computation.
struct Booked {
  std::size_t activation_bytes = 0;  ///< the arena that the run needs, exactly
  double flops = 0;
  double factor_flops = 0;  ///< of these, by factors beside weights
};

/// Memory for a computation in several calls: what one leaves in the arena, the next finds.
struct Workspace {
  Backend& backend;
  DType type;
  Rounding rounding;
  Arena arena;

  Context context() { return {.backend = backend, .arena = arena, .type = type, .rounding = rounding}; }
};

/// Computations on one backend: each is run dry first, which books its weights and gives the size of its arena, then
/// for real in an arena of that size. The body must make the same calls both times.
class Session {
 public:
  using Body = std::function<void(Context&)>;

  /// `type` and `rounding` as in Context.
  Session(Backend& backend, DType type, Rounding rounding = Rounding::none);

  Backend& backend() const { return backend_; }
  DType type() const { return type_; }
  Booked plan(const Body& body);
  /// `booked` from `plan` of the same body. Error(out_of_memory) where the backend's limit leaves too little memory, as
  /// from `open` and `load`.
  void run(const Booked& booked, const Body& body, Trace* trace = nullptr, const std::atomic<bool>* stop = nullptr);
  /// Plans and runs.
  void run(const Body& body) { run(plan(body), body); }
  /// For calls that `plan` has seen in this order.
  Workspace open(const Booked& booked);
  /// Packs the weights that the body uses, and computes nothing. `booked` as for `run`, which then finds room.
  void load(const Booked& booked, const Body& body, const std::atomic<bool>* stop = nullptr);
  /// Memory kept from the last run.
  std::size_t resident_bytes() const { return capacity_; }
  /// Gives the arena's memory back.
  void release();

 private:
  /// For an arena and the weights that the last dry runs asked for.
  void make_room(const Booked& booked);

  Backend& backend_;
  std::unique_ptr<Backend> meta_, packer_;
  DType type_;
  Rounding rounding_;
  Buffer memory_;  // kept between runs, so that pages stay warm
  std::size_t capacity_ = 0;
};

}  // namespace sumi
