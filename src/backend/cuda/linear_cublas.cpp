#include "backend/cuda/linear_cublas.h"

#include "backend/cuda/alignment.h"
#include "backend/cuda/cublas_product.h"
#include "backend/cuda/fp8.h"
#include "backend/cuda/library.h"
#include "backend/cuda/linear_finish.h"
#include "backend/cuda/pack.h"

namespace sumi::cuda {
namespace {

/// cuBLASLt fuses bias and residual. It has no gates, and of the activations only one that a model here has and one
/// that approximates: these go over the product once more, from scratch to y. In the UNet that are the gated linears.
bool has_more(const LinearOp::Case& c) { return c.gated || c.activation != Activation::none; }

/// A product, and whether the rest is still to be done. Scratch holds x rounded to fp8, sums that are to be finished,
/// and the workspace.
struct Planned {
  std::unique_ptr<const CublasProduct> product;
  bool finishes;
  std::size_t x_bytes, sums_bytes;

  std::size_t scratch_bytes() const { return x_bytes + sums_bytes + product->workspace_bytes(); }
};

class CublasLinear final : public Implementation<LinearOp> {
  using Case = LinearOp::Case;

 public:
  CublasLinear(const Device& device, std::shared_ptr<PlanFile> plans) : device_(device), plans_(std::move(plans)) {
    if (!cublas_functions()) {
      missing_ = fmt::format("needs libcublasLt: {}", cublas_library().describe());
      return;
    }
    try {
      handle_ = make_handle(device);
    } catch (const Error& error) {  // a library that does not fit the driver: there are other ways
      missing_ = fmt::format("needs libcublasLt that works here: {}", error.what());
    }
  }

  std::string_view name() const override { return "cublas"; }

  Decision plan(const Case& c) const override {
    if (!handle_) return Declined{missing_};
    if (c.rounding == Rounding::int8) return Declined{"multiplies floats"};
    if (c.rounding == Rounding::fp8) {
      if (!device_.multiplies_fp8()) return Declined{"needs compute capability 9.0 for steps of fp8"};
      if (c.in % 16 != 0 || c.out % 16 != 0) return Declined{"rows of fp8 are multiples of 16"};
    }
    if (!CublasProduct::takes(c.x, c.y)) {
      return Declined{fmt::format("cuBLASLt does not make {} of {}", name_of(c.y), name_of(c.x))};
    }
    if (c.x == DType::bf16 && !device_.multiplies_bf16()) return Declined{"needs compute capability 8.0 for bf16"};
    auto planned = with_product(c, has_more(c));
    if (!planned && !has_more(c)) planned = with_product(c, true);
    if (!planned) return Declined{"cuBLASLt proposes nothing"};
    Plan plan = c.rounding == Rounding::fp8 ? fp8_plan(c) : weight_plan(c);
    plan.bias_type = planned->finishes ? DType::f32 : c.y;
    plan.scratch_bytes = planned->scratch_bytes();
    plan.state = planned;
    return plan;
  }

  void run(const Case& c, const Plan& plan, const LinearOp::Args& args, std::byte* scratch) const override {
    device_.use();
    const auto& planned = *static_cast<const Planned*>(plan.state.get());
    std::byte* const sums = scratch ? scratch + planned.x_bytes : nullptr;
    CublasProduct::Memory memory{.x = args.x.raw(),
                                 .w = args.packed,
                                 .bias = c.bias && !planned.finishes ? args.bias.raw() : nullptr,
                                 .residual = c.residual && !planned.finishes ? args.residual.raw() : nullptr,
                                 .y = planned.finishes ? sums : args.y.raw(),
                                 .workspace = sums ? sums + planned.sums_bytes : nullptr};
    if (c.rounding == Rounding::fp8) {
      round_rows(device_, args.x, scratch);
      memory.x_steps = fp8_rows(scratch, c.rows, c.in).steps;
      memory.w_steps = fp8_rows(args.packed, c.weight_rows(), c.in).steps;
      memory.x = scratch;
    }
    planned.product->run(memory);
    if (planned.finishes) finish_linear(device_, c, args, sums);
  }

  void pack(const Case& c, const Plan&, const Source& source, std::byte* to) const override {
    c.rounding == Rounding::fp8 ? pack_fp8(c, source, to) : cuda::pack(c, source, to);
  }

 private:
  /// Null where cuBLASLt has no way.
  std::shared_ptr<const Planned> with_product(const Case& c, bool finishes) const {
    const bool fp8 = c.rounding == Rounding::fp8;
    auto product = std::make_unique<const CublasProduct>(device_, handle_, *plans_,
                                                         CublasProduct::Shape{.rows = c.rows,
                                                                              .in = c.in,
                                                                              .out = c.weight_rows(),
                                                                              .x = c.x,
                                                                              .y = c.y,
                                                                              .bias = c.bias && !finishes,
                                                                              .residual = c.residual && !finishes,
                                                                              .fp8 = fp8});
    if (!*product) return nullptr;
    const auto values = static_cast<std::size_t>(c.rows * c.weight_rows());
    return std::make_shared<const Planned>(Planned{.product = std::move(product),
                                                   .finishes = finishes,
                                                   .x_bytes = fp8 ? aligned(fp8_bytes(c.rows, c.in)) : 0,
                                                   .sums_bytes = finishes ? aligned(values * bytes_of(c.y)) : 0});
  }

  const Device& device_;
  const std::shared_ptr<PlanFile> plans_;
  CublasHandle handle_{nullptr, nullptr};
  std::string missing_;  ///< why there is no handle
};

}  // namespace

void add_cublas(Operations& operations, const Device& device, std::shared_ptr<PlanFile> plans) {
  operations.add<LinearOp>(std::make_unique<CublasLinear>(device, std::move(plans)));
}

}  // namespace sumi::cuda
