#include "nn/basic.h"

#include <utility>

#include "ops/elementwise.h"

namespace sumi {
namespace {

Vector bias_of(const Loader& loader, std::int64_t size, bool present) {
  return present ? Vector(loader.weight("bias", {size})) : Vector();
}

SourcePtr joined(const Loader& loader, std::initializer_list<std::string_view> parts, std::string_view name,
                 const Shape& shape) {
  std::vector<SourcePtr> sources;
  for (const auto part : parts) sources.push_back(loader.at(part).weight(name, shape));
  return joined_source(std::move(sources));
}

/// A layer with factors beside its weight: up (down x) is added before all that the layer fuses. `weighted` computes
/// the layer without them, for other options; `narrowed` is down x.
template <class Options, class Weighted, class Narrowed>
Tensor with_factors(Context& ctx, const Weight& up, const Options& options, Weighted weighted, Narrowed narrowed) {
  Options linear_part = options;
  linear_part.activation = Activation::none;
  bool gated = false;
  Tensor into;
  if constexpr (requires { options.gated; }) {
    gated = std::exchange(linear_part.gated, false);
    into = std::exchange(linear_part.into, {});
  }
  const bool ends = !gated && options.activation == Activation::none;
  check(ends || !into, ErrorCode::internal, "linear: with factors and an activation into a tensor that is there");
  if (!ends) linear_part.residual = {};
  Tensor y = weighted(linear_part);
  const double flops = ctx.flops;
  const Tensor narrow = narrowed();
  y = linear(ctx, narrow, up, {.residual = y, .type = y.dtype(), .into = into});
  ctx.factor_flops += ctx.flops - flops;
  if (ends) return y;
  y = gated ? gate(ctx, y, options.activation) : activate(ctx, y, options.activation);
  if (!options.residual) return y;
  const Term terms[] = {{1, y}, {1, options.residual}};
  return combine(ctx, terms, {.into = y});
}

}  // namespace

Linear::Linear(const Loader& loader, std::int64_t in, std::int64_t out, bool with_bias)
    : weight(loader.weight("weight", {out, in})), bias(bias_of(loader, out, with_bias)) {}

Linear::Linear(const Loader& loader, std::initializer_list<std::string_view> parts, std::int64_t in,
               std::int64_t out_of_each, bool with_bias)
    : weight(joined(loader, parts, "weight", {out_of_each, in})),
      bias(with_bias ? Vector(joined(loader, parts, "bias", {out_of_each})) : Vector()) {}

Tensor Linear::operator()(Context& ctx, const Tensor& x, LinearOptions options) const {
  options.bias = &bias;
  options.rounding = may_round ? ctx.rounding : Rounding::none;
  const auto weighted = [&](const LinearOptions& all) { return linear(ctx, x, weight, all); };
  const FactorWeights* factors = weight.beside();
  if (!factors) return weighted(options);
  return with_factors(ctx, factors->up, options, weighted, [&] { return linear(ctx, x, factors->down); });
}

Conv2d::Conv2d(const Loader& loader, std::int64_t in, std::int64_t out, std::int64_t kernel, bool with_bias)
    : weight(loader.weight("weight", {out, in, kernel, kernel})), bias(bias_of(loader, out, with_bias)) {
  const std::int64_t around = kernel / 2;
  padding = {around, around, around, around};
}

Tensor Conv2d::operator()(Context& ctx, const Tensor& x, Conv2dOptions options) const {
  options.bias = &bias;
  options.stride = stride;
  options.padding = padding;
  const auto weighted = [&](const Conv2dOptions& all) { return conv2d(ctx, x, weight, all); };
  const FactorWeights* factors = weight.beside();
  if (!factors) return weighted(options);
  return with_factors(ctx, factors->up, options, weighted, [&] {
    return conv2d(ctx, x, factors->down, {.stride = stride, .padding = padding, .upsampled = options.upsampled});
  });
}

GroupNorm::GroupNorm(const Loader& loader, std::int64_t channels, std::int64_t group_count, double small)
    : scale(loader.weight("weight", {channels})),
      shift(loader.weight("bias", {channels})),
      groups(group_count),
      epsilon(small) {}

Tensor GroupNorm::operator()(Context& ctx, const Tensor& x, Activation activation) const {
  return group_norm(ctx, x, scale, shift, groups, epsilon, activation);
}

LayerNorm::LayerNorm(const Loader& loader, std::int64_t channels, double small)
    : scale(loader.weight("weight", {channels})), shift(loader.weight("bias", {channels})), epsilon(small) {}

Tensor LayerNorm::operator()(Context& ctx, const Tensor& x) const { return layer_norm(ctx, x, scale, shift, epsilon); }

std::string layer_name(const Loader& loader) {
  std::string name = loader.path("");
  if (name.ends_with('.')) name.pop_back();
  return name;
}

}  // namespace sumi
