#include "backend/ref/plain.h"

#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "backend/ref/host.h"
#include "core/threads.h"

namespace sumi {
namespace ref {
namespace {

/// The float32 beside x towards zero with its last bit set, x itself where it is one: rounding that to fewer bits gives
/// what rounding x at once would (Boldo and Melquiond, 2008).
float round_to_odd(double x) {
  const auto nearest = static_cast<float>(x);
  if (std::isnan(x) || static_cast<double>(nearest) == x) return nearest;
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  if (std::abs(static_cast<double>(nearest)) > std::abs(x)) --bits;
  return std::bit_cast<float>(bits | 1u);
}

std::int64_t weight_elements(const Conv2dOp::Case& c) { return c.out_channels * c.in_channels * c.kernel * c.kernel; }
std::int64_t weight_elements(const LinearOp::Case& c) { return c.weight_rows() * c.in; }
std::int64_t weight_elements(const EmbeddingOp::Case& c) { return c.vocabulary * c.channels; }

bool takes(DType type) { return type == DType::f32 || type == DType::bf16 || type == DType::f16; }

/// Weights stay float32 in the file's order.
template <class Op>
class Plain final : public Implementation<Op> {
 public:
  std::string_view name() const override { return "ref"; }

  Decision plan(const typename Op::Case& c) const override {
    if constexpr (requires { c.x; }) {
      if (!takes(c.x)) return Declined{fmt::format("reads f32, bf16 and f16, not {}", name_of(c.x))};
    }
    if constexpr (requires { c.y; }) {
      if (!takes(c.y)) return Declined{fmt::format("writes f32, bf16 and f16, not {}", name_of(c.y))};
    }
    Plan plan;
    if constexpr (requires { weight_elements(c); }) {
      plan.layout = "f32";
      plan.packed_bytes = static_cast<std::size_t>(weight_elements(c)) * sizeof(float);
    }
    return plan;
  }

  void run(const typename Op::Case& c, const Plan&, const typename Op::Args& args, std::byte*) const override {
    ref::run(c, args);
  }

  void pack(const typename Op::Case&, const Plan&, const Source& source, std::byte* to) const override {
    auto* values = reinterpret_cast<float*>(to);
    parallel_for(source.shape().elements(), 65536, [&](std::int64_t begin, std::int64_t end) {
      source.read(begin, {values + begin, values + end});
    });
  }
};

}  // namespace

void load(const Tensor& from, std::int64_t first, std::span<float> out) {
  to_float(from.dtype(), from.raw() + static_cast<std::size_t>(first) * bytes_of(from.dtype()), out);
}

void store(std::span<const double> values, const Tensor& to, std::int64_t first) {
  std::byte* out = to.raw() + static_cast<std::size_t>(first) * bytes_of(to.dtype());
  std::array<float, 256> rounded;
  const bool narrow = to.dtype() != DType::f32;
  while (!values.empty()) {
    const std::size_t n = std::min(values.size(), rounded.size());
    for (std::size_t i = 0; i < n; ++i) rounded[i] = narrow ? round_to_odd(values[i]) : static_cast<float>(values[i]);
    from_float(std::span(rounded).first(n), to.dtype(), out);
    out += n * bytes_of(to.dtype());
    values = values.subspan(n);
  }
}

double apply(Activation activation, double x) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::silu: return x / (1 + std::exp(-x));
    case Activation::gelu: return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2;
    case Activation::quick_gelu: return x / (1 + std::exp(-1.702 * x));
    case Activation::relu: return x > 0 ? x : 0;
    case Activation::leaky_relu: return x > 0 ? x : 0.2 * x;
    case Activation::tanh: return std::tanh(x);
  }
  return x;
}

// Two columns at a time: sanitizers look at every access, and tests spend most of their time here.
void multiply(const float* weights, const double* columns, std::int64_t n, double* sums) {
  using Pair [[gnu::vector_size(2 * sizeof(double)), gnu::aligned(alignof(double)), gnu::may_alias]] = double;
  static_assert(block == 8);
  const auto* column = reinterpret_cast<const Pair*>(columns);
  Pair a{}, b{}, c{}, d{};
  for (std::int64_t i = 0; i < n; ++i, column += 4) {
    const double weight = weights[i];
    a += weight * column[0];
    b += weight * column[1];
    c += weight * column[2];
    d += weight * column[3];
  }
  auto* sum = reinterpret_cast<Pair*>(sums);
  sum[0] = a, sum[1] = b, sum[2] = c, sum[3] = d;
}

}  // namespace ref

void add_ref(Operations& operations) {
  const auto add = [&]<class... Ops>(OpList<Ops...>) {
    (operations.add<Ops>(std::make_unique<ref::Plain<Ops>>()), ...);
  };
  add(AllOps{});
}

}  // namespace sumi
