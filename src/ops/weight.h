#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/source.h"
#include "ops/context.h"
#include "ops/implementation.h"

namespace sumi {

struct FactorWeights;

/// A matrix or filter bank: where its values come from, and the packed forms that implementations asked for.
/// Packing happens once per layout, when a run (or a dry run, which only books the bytes) first needs it, and again
/// when the source's values have changed. Of changes that are products, a backend with room for it (Backend::merges)
/// keeps the values without them and adds them on the device.
class Weight {
 public:
  Weight() = default;
  explicit Weight(SourcePtr source) : source_(std::move(source)) {}

  explicit operator bool() const { return source_ != nullptr; }
  const Shape& shape() const { return source_->shape(); }
  const Source& source() const { return *source_; }

  /// The weight as `chosen` wants it, for the work that is queued next; null in a dry run. Called by the dispatch of an
  /// op.
  template <class Op>
  const std::byte* packed(Context& ctx, const typename Op::Case& c, const Chosen<Op>& chosen) const {
    return packed(ctx, chosen.plan, [&](const Source& source, std::byte* to) {
      chosen.implementation->pack(c, chosen.plan, source, to);
    });
  }
  /// The factors beside it (Source::beside) as one pair, for a layer to add; nullptr where there are none.
  const FactorWeights* beside() const;
  /// Gives the packed forms back, those of factors too; the next run packs again.
  void release() const;

 private:
  using Pack = std::function<void(const Source&, std::byte*)>;
  /// Which values are packed: the source's own, or its sum's base.
  struct Version {
    bool base;
    std::uint64_t revision;
    bool operator==(const Version&) const = default;
  };
  /// The sum, where it is made on the device.
  struct Merged {
    std::unique_ptr<Booking> booking;
    Buffer data;
    std::optional<std::uint64_t> revision;  ///< of the source when it was made whole
  };
  struct Form {
    std::string layout;
    std::unique_ptr<Booking> booking;
    std::unique_ptr<WeightMemory> memory;
    std::optional<Version> version;  ///< of what was packed whole
    std::optional<Merged> merged;
  };
  struct Products;

  const std::byte* packed(Context& ctx, const Plan& plan, const Pack& pack) const;
  const std::byte* merged(Context& ctx, const Plan& plan, Form& form, const std::byte* base,
                          const Products& products) const;
  Form& form(Backend& backend, const Plan& plan) const;
  /// nullptr where there are none, or no room for what they are added to.
  const Products* products(Backend& backend, const Plan& plan, const LowRankSum& sum) const;
  /// As a tensor, rounded.
  Tensor rows(Context& ctx, DType type) const;

  SourcePtr source_;
  mutable std::vector<Form> forms_;
  mutable std::vector<LowRank> parts_;  // what `factors_` were made of
  mutable std::shared_ptr<const FactorWeights> factors_;
  mutable std::shared_ptr<const Products> products_;
};

/// up (down x), beside a weight: of several adapters too, whose ranks lie one after the other.
struct FactorWeights {
  Weight down;  ///< (ranks, other axes)
  Weight up;    ///< (first axis, ranks)
};

/// float32 values in one row: a bias, the scale of a norm. Read when a run first needs them, and again when the
/// source's values have changed.
class Vector {
 public:
  Vector() = default;
  explicit Vector(SourcePtr source) : source_(std::move(source)) {}
  explicit Vector(std::vector<float> values);

  explicit operator bool() const { return source_ != nullptr; }
  std::int64_t size() const { return source_ ? source_->shape().elements() : 0; }
  const std::vector<float>& values() const;
  /// As a tensor of the device, rounded to `type` and uploaded on first use; absent if empty.
  Tensor on(Backend& backend, DType type = DType::f32) const;

 private:
  struct Form {
    DType type;
    std::unique_ptr<Booking> booking;
    std::unique_ptr<WeightMemory> memory;
    std::optional<std::uint64_t> revision;  ///< of the source when it was uploaded
  };

  SourcePtr source_;
  mutable std::vector<float> values_;
  mutable std::uint64_t read_ = 0;  // revision
  mutable std::vector<Form> forms_;
};

}  // namespace sumi
