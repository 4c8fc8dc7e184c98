#include <algorithm>
#include <cmath>
#include <numbers>

#include "backend/cpu/gate_simd.h"
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

/// Calls body with the function of a float that `activation` names.
template <class Body>
void with_function(Activation activation, const Body& body) {
  switch (activation) {
    case Activation::none: return body([](float v) { return v; });
    case Activation::silu: return body([](float v) { return v / (1 + std::exp(-v)); });
    case Activation::gelu: return body([](float v) { return v / 2 * std::erfc(v / -std::numbers::sqrt2_v<float>); });
    case Activation::quick_gelu: return body([](float v) { return v / (1 + std::exp(-1.702f * v)); });
    case Activation::relu: return body([](float v) { return v > 0 ? v : 0; });
    case Activation::leaky_relu: return body([](float v) { return v > 0 ? v : 0.2f * v; });
    case Activation::tanh: return body([](float v) { return std::tanh(v); });
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
    with_function(c.activation, [&](auto function) {
      parallel_for(c.elements, 4096, [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) y[i] = Y(function(static_cast<float>(x[i])));
      });
    });
  }
};

class Gate : public Implementation<GateOp> {
 public:
  using Case = GateOp::Case;
  using Args = GateOp::Args;

  std::string_view name() const override { return "loops"; }

  Decision plan(const Case& c) const override {
    if (computed(c.x)) return Plan{};
    return Declined{fmt::format("computes f32 and bf16, not {}", name_of(c.x))};
  }

  void run(const Case& c, const Plan&, const Args& args, std::byte*) const override {
    with_type(c.x, [&]<class X>(X) { apply(c, args.x.data<X>(), args.y.data<X>()); });
  }

 private:
  template <class X>
  static void apply(const Case& c, const X* x, X* y) {
    with_function(c.activation, [&](auto function) {
      parallel_for(c.rows, std::max<std::int64_t>(1, 4096 / c.out), [=, &c](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const X *values = x + 2 * row * c.out, *gates = values + c.out;
          for (std::int64_t i = 0; i < c.out; ++i) {
            y[row * c.out + i] = X(static_cast<float>(values[i]) * function(static_cast<float>(gates[i])));
          }
        }
      });
    });
  }
};

class Bias : public Implementation<BiasOp> {
 public:
  using Case = BiasOp::Case;
  using Args = BiasOp::Args;

  std::string_view name() const override { return "loops"; }

  Decision plan(const Case& c) const override {
    if (computed(c.y)) return Plan{};
    return Declined{fmt::format("computes f32 and bf16, not {}", name_of(c.y))};
  }

  void run(const Case& c, const Plan&, const Args& args, std::byte*) const override {
    const float* bias = args.bias.data<float>();
    with_type(c.y,
              [&]<class Y>(Y) { apply(c, bias, c.residual ? args.residual.data<Y>() : nullptr, args.y.data<Y>()); });
  }

 private:
  template <class Y>
  static void apply(const Case& c, const float* bias, const Y* residual, Y* y) {
    parallel_for(c.rows, std::max<std::int64_t>(1, 4096 / c.out), [=, &c](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const std::int64_t at = row * c.out;
        for (std::int64_t i = 0; i < c.out; ++i) {
          y[at + i] = Y(residual ? bias[i] + static_cast<float>(residual[at + i]) : bias[i]);
        }
      }
    });
  }
};

/// By GELU, in vectors.
class GateByGelu : public Implementation<GateOp> {
 public:
  using Case = GateOp::Case;
  using Args = GateOp::Args;

  GateByGelu(std::string_view name, const GateKernel& f32, const GateKernel& bf16)
      : name_(name), f32_(f32), bf16_(bf16) {}

  std::string_view name() const override { return name_; }

  Decision plan(const Case& c) const override {
    if (c.activation != Activation::gelu) return Declined{fmt::format("gates by gelu, not {}", name_of(c.activation))};
    if (computed(c.x)) return Plan{};
    return Declined{fmt::format("computes f32 and bf16, not {}", name_of(c.x))};
  }

  void run(const Case& c, const Plan&, const Args& args, std::byte*) const override {
    const GateKernel& kernel = c.x == DType::f32 ? f32_ : bf16_;
    const auto row_bytes = static_cast<std::size_t>(c.out) * bytes_of(c.x);
    parallel_for(c.rows, std::max<std::int64_t>(1, 16384 / c.out), [&](std::int64_t begin, std::int64_t end) {
      for (auto row = static_cast<std::size_t>(begin); row < static_cast<std::size_t>(end); ++row) {
        const std::byte* values = args.x.raw() + 2 * row * row_bytes;
        kernel.gelu(values, values + row_bytes, c.out, args.y.raw() + row * row_bytes);
      }
    });
  }

 private:
  std::string_view name_;
  const GateKernel &f32_, &bf16_;
};

}  // namespace

void add_elementwise(Operations& operations, Isa isa) {
  const auto add = [&](std::string_view name, const GateKernel& f32, const GateKernel& bf16) {
    operations.add<GateOp>(std::make_unique<GateByGelu>(name, f32, bf16));
  };
#if defined(__x86_64__)
  if (isa >= Isa::avx512) add("simd-avx512", avx512::gate_f32, avx512::gate_bf16);
  if (isa >= Isa::avx2) add("simd-avx2", avx2::gate_f32, avx2::gate_bf16);
#elif defined(__aarch64__)
  if (isa >= Isa::neon) add("simd-neon", neon::gate_f32, neon::gate_bf16);
#endif
  operations.add<ActivateOp>(std::make_unique<Activate>());
  operations.add<GateOp>(std::make_unique<Gate>());
  operations.add<BiasOp>(std::make_unique<Bias>());
}

}  // namespace sumi
