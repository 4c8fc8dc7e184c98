#pragma once

#include "ops/context.h"
#include "sweep.h"

namespace sumi::test {

/// Copies of a trial's tensors in the memory of a backend, between guards; what is not written there is NaN.
class DeviceMemory {
 public:
  explicit DeviceMemory(Backend& backend) : backend_(backend) {}

  std::byte* bytes(std::size_t count) {
    if (count == 0) return nullptr;
    buffers_.push_back({backend_.allocate(guard + count + guard), count});
    backend_.upload(std::vector(guard + count + guard, std::byte{0xff}), buffers_.back().data.get());
    return buffers_.back().data.get() + guard;
  }
  Tensor tensor(const Shape& shape, DType type) {
    return Tensor::wrap(bytes(static_cast<std::size_t>(shape.elements()) * bytes_of(type)), shape, type);
  }
  /// The same values with rows as far apart, at an address as even.
  Tensor copied(const Tensor& from) {
    if (!from) return from;
    Shape wide = from.shape();
    wide[-1] = from.row_stride();
    if (from.elements() == 0) return tensor(from.shape(), from.dtype());
    const std::size_t used = (from.rows() - 1) * from.row_stride() + from.shape()[-1];
    const std::size_t offset = reinterpret_cast<std::uintptr_t>(from.raw()) % Arena::alignment;
    std::byte* const to = bytes(offset + used * bytes_of(from.dtype())) + offset;
    backend_.upload({from.raw(), used * bytes_of(from.dtype())}, to);
    return Tensor::wrap(to, wide, from.dtype()).columns(0, from.shape()[-1]);
  }
  bool intact() const {
    return std::all_of(buffers_.begin(), buffers_.end(), [&](const Buffered& each) {
      return all_set(each.data.get()) && all_set(each.data.get() + guard + each.bytes);
    });
  }

 private:
  static constexpr std::size_t guard = 256;
  struct Buffered {
    Buffer data;
    std::size_t bytes;
  };

  bool all_set(const std::byte* from) const {
    std::vector<std::byte> found(guard);
    backend_.download(from, found);
    return std::all_of(found.begin(), found.end(), [](std::byte each) { return each == std::byte{0xff}; });
  }

  Backend& backend_;
  std::vector<Buffered> buffers_;
};

/// Calls `function` with each input tensor of an op.
template <class Args, class Function>
void each_input(Args& args, const Function& function) {
#define SUMI_INPUT(name) \
  if constexpr (requires { requires std::is_same_v<decltype(args.name), Tensor>; }) function(args.name)
  SUMI_INPUT(x);
  SUMI_INPUT(a);
  SUMI_INPUT(b);
  SUMI_INPUT(q);
  SUMI_INPUT(k);
  SUMI_INPUT(v);
  SUMI_INPUT(row);
  SUMI_INPUT(ids);
  SUMI_INPUT(bias);
  SUMI_INPUT(mask);
  SUMI_INPUT(place);
  SUMI_INPUT(scale);
  SUMI_INPUT(shift);
  SUMI_INPUT(residual);
  SUMI_INPUT(positions);
  SUMI_INPUT(destinations);
#undef SUMI_INPUT
  if constexpr (requires { args.x.max_size(); }) {
    for (Tensor& each : args.x) function(each);
  }
}

/// run_guarded for a backend whose memory the host cannot reach.
template <class Op>
Values run_on_device(Backend& backend, const Implementation<Op>& tested, const Plan& plan, const Sample<Op>& sample) {
  using P = Problem<Op>;
  const auto& c = sample.trial.c;
  DeviceMemory memory(backend);
  auto args = sample.args;
  Memory converted;
  if constexpr (std::is_same_v<Op, LinearOp>) args.bias = converted.converted(args.bias, plan.bias_type);
  each_input(args, [&](Tensor& each) { each = memory.copied(each); });
  args.y = memory.tensor(P::output(c), output_type(c));
  if constexpr (std::is_same_v<Op, CombineOp>) {
    if (sample.trial.data == Data::in_place) args.y = args.x[c.terms - 1];
  }
  if constexpr (requires { P::weight(c); }) {
    std::byte* const packed = memory.bytes(plan.packed_bytes);
    backend.fill(packed, plan.packed_bytes,
                 [&](std::byte* to) { tested.pack(c, plan, *values_source(P::weight(c), sample.weight), to); });
    args.packed = packed;
  }
  tested.run(c, plan, args, memory.bytes(plan.scratch_bytes));
  std::vector<std::byte> stored(args.y.bytes());
  backend.download(args.y.raw(), stored);
  if (!memory.intact()) return {};
  Values y(sample.expected.size());
  to_float(args.y.dtype(), stored.data(), y);
  return y;
}

}  // namespace sumi::test
