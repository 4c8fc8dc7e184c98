#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "ops/context.h"

namespace sumi {

/// A computation that is repeated on tensors that stay where they are, in a few variants. Backends that record (graphs
/// of CUDA) repeat each variant without making its calls again, which on a GPU can take longer than the work: the first
/// call warms up, the second records. With others it is the body alone.
class Replay {
 public:
  /// What tells variants apart: all that the calls depend on, other than the values of tensors.
  using Variant = std::vector<double>;
  /// Makes the same calls each time for one variant. Tensors that it makes are gone at its end: it reads and writes
  /// others.
  using Body = std::function<void(Context&)>;

  void operator()(Context& ctx, const Variant& variant, const Body& body);

 private:
  struct Known {
    std::unique_ptr<Recording> recording;
    double flops = 0, factor_flops = 0;
    int calls = 0;
  };

  /// Counts a variant's work, dry, and makes sure of memory for its tensors.
  Known plan(Context& ctx, const Body& body);
  void run(Context& ctx, Known& known, const Body& body);

  Block memory_;  // of ctx's arena: tensors of the body are at the same place each time
  std::map<Variant, Known> known_;
};

}  // namespace sumi
