#include "backend/cuda/linear_cublas.h"

#include "backend/cuda/cublas_product.h"
#include "backend/cuda/library.h"
#include "backend/cuda/linear_finish.h"
#include "backend/cuda/pack.h"

namespace sumi::cuda {
namespace {

/// cuBLASLt fuses bias and residual. It has no gates, and of the activations only one that a model here has and one
/// that approximates: these go over the product once more, from scratch to y. In the UNet that are the gated linears.
bool finishes(const LinearOp::Case& c) { return c.gated || c.activation != Activation::none; }

/// Of the product that is still to be finished, so that what follows is aligned as scratch is.
std::size_t product_bytes(const LinearOp::Case& c) {
  if (!finishes(c)) return 0;
  constexpr std::size_t line = 256;
  return (static_cast<std::size_t>(c.rows * c.weight_rows()) * bytes_of(c.y) + line - 1) / line * line;
}

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
    if (c.rounding != Rounding::none) return Declined{"multiplies floats"};
    if (!CublasProduct::takes(c.x, c.y)) {
      return Declined{fmt::format("cuBLASLt does not make {} of {}", name_of(c.y), name_of(c.x))};
    }
    if (c.x == DType::bf16 && !device_.multiplies_bf16()) return Declined{"needs compute capability 8.0 for bf16"};
    const auto product =
        std::make_shared<const CublasProduct>(device_, handle_, *plans_,
                                              CublasProduct::Shape{.rows = c.rows,
                                                                   .in = c.in,
                                                                   .out = c.weight_rows(),
                                                                   .x = c.x,
                                                                   .y = c.y,
                                                                   .bias = c.bias && !finishes(c),
                                                                   .residual = c.residual && !finishes(c)});
    if (!*product) return Declined{"cuBLASLt proposes nothing"};
    Plan plan = weight_plan(c);
    plan.bias_type = finishes(c) ? DType::f32 : c.y;
    plan.scratch_bytes = product_bytes(c) + product->workspace_bytes();
    plan.state = product;
    return plan;
  }

  void run(const Case& c, const Plan& plan, const LinearOp::Args& args, std::byte* scratch) const override {
    device_.use();
    const auto& product = *static_cast<const CublasProduct*>(plan.state.get());
    std::byte* workspace = scratch ? scratch + product_bytes(c) : nullptr;
    if (finishes(c)) {
      product.run({.x = args.x.raw(),
                   .w = args.packed,
                   .bias = nullptr,
                   .residual = nullptr,
                   .y = scratch,
                   .workspace = workspace});
      finish_linear(device_, c, args, scratch);
    } else {
      product.run({.x = args.x.raw(),
                   .w = args.packed,
                   .bias = c.bias ? args.bias.raw() : nullptr,
                   .residual = c.residual ? args.residual.raw() : nullptr,
                   .y = args.y.raw(),
                   .workspace = workspace});
    }
  }

  void pack(const Case& c, const Plan&, const Source& source, std::byte* to) const override {
    cuda::pack(c, source, to);
  }

 private:
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
