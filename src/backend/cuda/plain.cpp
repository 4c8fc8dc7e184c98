#include "backend/cuda/plain.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/pack.h"

namespace sumi::cuda {
namespace {

bool takes(DType type) { return type == DType::f32 || type == DType::bf16 || type == DType::f16; }

template <class Op>
class Plain final : public Implementation<Op> {
  using Case = typename Op::Case;

 public:
  explicit Plain(const Device& device) : device_(device) {}

  std::string_view name() const override { return "plain"; }

  Decision plan(const Case& c) const override {
    if constexpr (requires { c.x; }) {
      if (!takes(c.x)) return Declined{fmt::format("reads f32, bf16 and f16, not {}", name_of(c.x))};
    }
    if constexpr (requires { c.y; }) {
      if (!takes(c.y)) return Declined{fmt::format("writes f32, bf16 and f16, not {}", name_of(c.y))};
    }
    if constexpr (requires { c.rounding; }) {
      if (c.rounding != Rounding::none) return Declined{"multiplies floats"};
    }
    Plan plan;
    if constexpr (requires { weight_plan(c); }) plan = weight_plan(c);
    if constexpr (requires { scratch_bytes(device_, c); }) plan.scratch_bytes = scratch_bytes(device_, c);
    return plan;
  }

  void run(const Case& c, const Plan&, const typename Op::Args& args, std::byte* scratch) const override {
    device_.use();
    if constexpr (requires { scratch_bytes(device_, c); }) {
      cuda::run(device_, c, args, scratch);
    } else {
      cuda::run(device_, c, args);
    }
  }

  void pack(const Case& c, const Plan&, const Source& source, std::byte* to) const override {
    if constexpr (requires { weight_plan(c); }) cuda::pack(c, source, to);
  }

 private:
  const Device& device_;
};

}  // namespace

void add_plain(Operations& operations, const Device& device) {
  const auto add = [&]<class... Ops>(OpList<Ops...>) {
    (operations.add<Ops>(std::make_unique<Plain<Ops>>(device)), ...);
  };
  add(AllOps{});
}

}  // namespace sumi::cuda
