#include "backend/cuda/fp8.h"

#include <vector>

#include "backend/cuda/alignment.h"
#include "backend/cuda/e4m3.h"
#include "core/threads.h"
#include "ops/operations.h"

namespace sumi::cuda {
namespace {

class PlainFp8 final : public Implementation<LinearOp> {
  using Case = LinearOp::Case;

 public:
  explicit PlainFp8(const Device& device) : device_(device) {}

  std::string_view name() const override { return "plain-fp8"; }

  Decision plan(const Case& c) const override {
    if (c.rounding != Rounding::fp8) return Declined{"rounds to fp8"};
    for (const DType type : {c.x, c.y}) {
      if (type != DType::f32 && type != DType::bf16 && type != DType::f16) {
        return Declined{fmt::format("computes f32, bf16 and f16, not {}", name_of(type))};
      }
    }
    Plan plan = fp8_plan(c);
    plan.scratch_bytes = fp8_bytes(c.rows, c.in);
    return plan;
  }
  void run(const Case& c, const Plan&, const LinearOp::Args& args, std::byte* scratch) const override {
    device_.use();
    round_rows(device_, args.x, scratch);
    run_fp8(device_, c, args, fp8_rows(scratch, c.rows, c.in));
  }
  void pack(const Case& c, const Plan&, const Source& source, std::byte* to) const override { pack_fp8(c, source, to); }

 private:
  const Device& device_;
};

}  // namespace

std::size_t fp8_value_bytes(std::int64_t rows, std::int64_t columns) {
  return aligned(static_cast<std::size_t>(rows * columns));
}

std::size_t fp8_bytes(std::int64_t rows, std::int64_t columns) {
  return fp8_value_bytes(rows, columns) + static_cast<std::size_t>(rows) * sizeof(float);
}

Fp8Rows fp8_rows(const std::byte* memory, std::int64_t rows, std::int64_t columns) {
  return {reinterpret_cast<const f8_e4m3*>(memory),
          reinterpret_cast<const float*>(memory + fp8_value_bytes(rows, columns))};
}

Plan fp8_plan(const LinearOp::Case& c) {
  return {.layout = "fp8-rows", .packed_bytes = fp8_bytes(c.weight_rows(), c.in), .state = {}};
}

void pack_fp8(const LinearOp::Case& c, const Source& source, std::byte* to) {
  auto* steps = reinterpret_cast<float*>(to + fp8_value_bytes(c.weight_rows(), c.in));
  parallel_for(c.weight_rows(), 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> row(static_cast<std::size_t>(c.in));
    for (; begin < end; ++begin) {
      source.read(begin * c.in, row);
      steps[begin] = round_to(Rounding::fp8, row);
      std::byte* bytes = to + begin * c.in;
      for (const float value : row) *bytes++ = static_cast<std::byte>(to_e4m3(value).bits);
    }
  });
}

void add_fp8(Operations& operations, const Device& device) {
  operations.add<LinearOp>(std::make_unique<PlainFp8>(device));
}

}  // namespace sumi::cuda
