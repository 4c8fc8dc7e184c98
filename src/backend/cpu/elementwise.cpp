#include <cmath>
#include <numbers>

#include "backend/cpu/kernels.h"
#include "core/threads.h"

namespace sumi {
namespace {

/// Calls body with a value of the type that `type` names: f32 or bf16.
template <class Body>
void with_type(DType type, const Body& body) {
  if (type == DType::f32) {
    body(float{});
  } else {
    body(bf16{});
  }
}

bool computed(DType type) { return type == DType::f32 || type == DType::bf16; }

/// In float32, where the plain implementation takes doubles: at least twice as fast on a million elements.
class Activate : public Implementation<ActivateOp> {
 public:
  using Case = ActivateOp::Case;
  using Args = ActivateOp::Args;

  std::string_view name() const override { return "loops"; }

  Decision plan(const Case& c) const override {
    if (computed(c.x) && computed(c.y)) return Plan{};
    return Declined{fmt::format("computes f32 and bf16, not {} to {}", name_of(c.x), name_of(c.y))};
  }

  void run(const Case& c, const Plan&, const Args& args, std::byte*) const override {
    with_type(c.x,
              [&]<class X>(X) { with_type(c.y, [&]<class Y>(Y) { apply(c, args.x.data<X>(), args.y.data<Y>()); }); });
  }

 private:
  template <class X, class Y>
  static void apply(const Case& c, const X* x, Y* y) {
    const auto each = [&](auto function) {
      parallel_for(c.elements, 4096, [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) y[i] = Y(function(static_cast<float>(x[i])));
      });
    };
    switch (c.activation) {
      case Activation::none: return each([](float v) { return v; });
      case Activation::silu: return each([](float v) { return v / (1 + std::exp(-v)); });
      case Activation::gelu: return each([](float v) { return v / 2 * std::erfc(v / -std::numbers::sqrt2_v<float>); });
      case Activation::quick_gelu: return each([](float v) { return v / (1 + std::exp(-1.702f * v)); });
      case Activation::relu: return each([](float v) { return v > 0 ? v : 0; });
      case Activation::leaky_relu: return each([](float v) { return v > 0 ? v : 0.2f * v; });
      case Activation::tanh: return each([](float v) { return std::tanh(v); });
    }
  }
};

}  // namespace

void add_elementwise(Operations& operations) { operations.add<ActivateOp>(std::make_unique<Activate>()); }

}  // namespace sumi
