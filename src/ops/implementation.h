#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "core/dtype.h"
#include "core/source.h"

namespace sumi {

/// What an implementation needs to run one case.
struct Plan {
  std::size_t scratch_bytes = 0;
  /// The form it wants weights in. Implementations that name the same layout for a weight share the packed bytes.
  std::string layout;
  std::size_t packed_bytes = 0;
  /// Whether the packed form is the weight as a matrix, a row for each of its first axis, of `packed_type`, a
  /// convolution's taps outside of its channels: products may then be added to it on the device.
  bool packs_rows = false;
  /// What packing rounds values to: their source need be no more precise.
  DType packed_type = DType::f32;
  /// What it wants a linear's bias rounded to.
  DType bias_type = DType::f32;
  /// The implementation's own preparation: a primitive, a tile choice.
  std::shared_ptr<const void> state;
};

/// Why an implementation does not take a case: "head dim 512 exceeds 160", "needs AVX-512 BF16".
struct Declined {
  std::string reason;
};

using Decision = std::variant<Plan, Declined>;

/// One way to compute an op. `Op` is a struct of ops/: its `Case` holds all that the choice may depend on (shapes,
/// types, what is fused), its `Args` the tensors. Implementations keep no state of a run and may be called from any
/// thread.
template <class Op>
class Implementation {
 public:
  virtual ~Implementation() = default;
  /// Unique within its op: "ref", "onednn", "winograd-avx512bf16".
  virtual std::string_view name() const = 0;
  /// Takes the case or says why not. Cheap enough to ask once per case; never touches tensors.
  virtual Decision plan(const typename Op::Case& c) const = 0;
  virtual void run(const typename Op::Case& c, const Plan& plan, const typename Op::Args& args,
                   std::byte* scratch) const = 0;
  /// Writes plan.packed_bytes of weights to host memory. Ops without weights have nothing to pack.
  virtual void pack(const typename Op::Case&, const Plan&, const Source&, std::byte*) const {}
};

/// An implementation with its plan for one case.
template <class Op>
struct Chosen {
  const Implementation<Op>* implementation;
  Plan plan;
};

}  // namespace sumi
