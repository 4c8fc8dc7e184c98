// What follows a product of cuBLASLt's: here after the plain kernel's, which runs on every device and on the processor.

#include "backend/cuda/cuda.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/linear_finish.h"
#include "backend/cuda/pack.h"
#include "device_memory.h"
#include "support/gpu.h"

namespace sumi::test {
namespace {

/// A product with nothing fused into scratch, and then the rest.
class FinishedLinear final : public Implementation<LinearOp> {
  using Case = LinearOp::Case;

 public:
  explicit FinishedLinear(Backend& backend) : backend_(backend) {}

  std::string_view name() const override { return "finished"; }

  Decision plan(const Case& c) const override {
    if (c.rounding != Rounding::none) return Declined{"multiplies floats"};
    if (c.y != c.x && c.y != DType::f32) return Declined{"the product would lose what the tolerance counts on"};
    Plan plan = cuda::weight_plan(c);
    plan.scratch_bytes = static_cast<std::size_t>(c.rows * c.weight_rows()) * bytes_of(c.y);
    return plan;
  }

  void run(const Case& c, const Plan&, const LinearOp::Args& args, std::byte* scratch) const override {
    Case product = c;
    product.out = c.weight_rows();
    product.gated = product.bias = product.residual = false;
    product.activation = Activation::none;
    backend_.finish();
    const Tensor sums = Tensor::wrap(scratch, {c.rows, c.weight_rows()}, c.y);
    cuda::run(device_, product, {.x = args.x, .packed = args.packed, .bias = {}, .residual = {}, .y = sums});
    cuda::finish_linear(device_, c, args, scratch);
    device_.finish();
  }

  void pack(const Case& c, const Plan&, const Source& source, std::byte* to) const override {
    cuda::pack(c, source, to);
  }

 private:
  Backend& backend_;
  const cuda::Device device_{0, false};  // the same, with a stream of its own
};

TEST(CudaLinearFinish, AgreesWithRef) {
  if (!has_gpu()) GTEST_SKIP() << "needs an NVIDIA GPU";
  const auto backend = make_cuda_backend();
  Operations operations;
  operations.add<LinearOp>(std::make_unique<FinishedLinear>(*backend));
  std::vector<Trial<LinearOp>> trials = Cases<LinearOp>::all();
  for (std::size_t i = 0, count = trials.size(); i < count; ++i) {
    Trial<LinearOp> trial = trials[i];
    if (trial.c.x != DType::bf16) continue;
    trial.c.x = DType::f16;
    if (trial.c.y == DType::bf16) trial.c.y = DType::f16;
    trials.push_back(trial);
  }
  sweep<LinearOp>(operations, std::span<const Trial<LinearOp>>(trials),
                  [&](const auto&... arguments) { return run_on_device<LinearOp>(*backend, arguments...); });
}

}  // namespace
}  // namespace sumi::test
