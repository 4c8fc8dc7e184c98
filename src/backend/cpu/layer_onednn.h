#pragma once

#include "backend/cpu/onednn.h"
#include "ops/operations.h"

/// What convolutions and linears have in common on oneDNN: y = act(bias + row + weights x) + residual, or gated.
namespace sumi::onednn {

/// How bf16 is computed; float32 needs no choice.
enum class Arithmetic {
  native,    ///< float32, and bf16 where the processor multiplies it
  widened,   ///< bf16 in memory, float32 in scratch and registers
  emulated,  ///< bf16 by oneDNN's own emulation on AVX-512
};

/// The case of an op as oneDNN sees it.
struct Layer {
  bool convolution = false;         ///< else a product of rows
  memory::dims x, weights, y;       ///< pictures (n, c, h, w), filters (o, c, u, v); rows (r, c), a weight (c, o)
  memory::dims strides, low, high;  ///< of convolutions: steps, padding before and after
  std::int64_t pictures = 1;        ///< rows of the time embedding
  DType x_type = DType::f32, y_type = DType::f32;
  Activation activation = Activation::none;
  bool gated = false, bias = false, row = false, residual = false, upsampled = false;
  Rounding rounding = Rounding::none;
  std::string text;  ///< of the op's case, for errors
};

/// Memory of the tensors of an op, channels last; null where the layer has none. y is none of the others.
struct LayerArgs {
  const std::byte *x, *packed, *bias, *row, *residual;
  std::byte* y;
};

/// Makes the primitives for the present number of threads, and chooses the layout of the weights: that of a picture of
/// 64 x 64 or of 1024 rows, so that all sizes share it, unless that costs the fastest implementation.
/// Error(out_of_memory).
Decision plan_layer(const Layer& layer, Arithmetic arithmetic, Isa isa);
/// In as many threads as planned for. Error(internal) where oneDNN fails or the residual is y itself.
void run_layer(const Plan& plan, const LayerArgs& args, std::byte* scratch);
/// Reads the source once, in all threads, and writes once (pack.h).
void pack_layer(const Plan& plan, const Source& source, std::byte* to);

Layer layer_of(const Conv2dOp::Case& c);
Layer layer_of(const LinearOp::Case& c);
LayerArgs args_of(const Conv2dOp::Args& args);
LayerArgs args_of(const LinearOp::Args& args);

template <class Op>
class LayerImplementation final : public Implementation<Op> {
 public:
  LayerImplementation(std::string_view name, Arithmetic arithmetic, Isa isa)
      : name_(name), arithmetic_(arithmetic), isa_(isa) {}

  std::string_view name() const override { return name_; }
  Decision plan(const typename Op::Case& c) const override { return plan_layer(layer_of(c), arithmetic_, isa_); }
  void run(const typename Op::Case&, const Plan& plan, const typename Op::Args& args,
           std::byte* scratch) const override {
    run_layer(plan, args_of(args), scratch);
  }
  void pack(const typename Op::Case&, const Plan& plan, const Source& source, std::byte* to) const override {
    pack_layer(plan, source, to);
  }

 private:
  std::string_view name_;
  Arithmetic arithmetic_;
  Isa isa_;
};

/// Native arithmetic first, then widened: oneDNN's emulation reaches 17 % of the float32 peak.
template <class Op>
void add_layer(Operations& operations, Isa isa) {
  operations.add<Op>(std::make_unique<LayerImplementation<Op>>("onednn", Arithmetic::native, isa));
  operations.add<Op>(std::make_unique<LayerImplementation<Op>>("onednn-widened", Arithmetic::widened, isa));
  operations.add<Op>(std::make_unique<LayerImplementation<Op>>("onednn-emulated", Arithmetic::emulated, isa));
}

}  // namespace sumi::onednn
