#include "nn/basic.h"

#include <utility>

namespace sumi {
namespace {

Vector bias_of(const Loader& loader, std::int64_t size, bool present) {
  return present ? Vector(loader.values("bias", {size})) : Vector();
}

Weight joined_weight(const Loader& loader, std::initializer_list<std::string_view> parts, const Shape& shape) {
  std::vector<SourcePtr> sources;
  for (const auto part : parts) sources.push_back(loader.at(part).weight("weight", shape));
  return Weight(joined_source(std::move(sources)));
}

Vector joined_bias(const Loader& loader, std::initializer_list<std::string_view> parts, std::int64_t size) {
  std::vector<float> joined;
  for (const auto part : parts) {
    const auto values = loader.at(part).values("bias", {size});
    joined.insert(joined.end(), values.begin(), values.end());
  }
  return Vector(std::move(joined));
}

}  // namespace

Linear::Linear(const Loader& loader, std::int64_t in, std::int64_t out, bool with_bias)
    : weight(loader.weight("weight", {out, in})), bias(bias_of(loader, out, with_bias)) {}

Linear::Linear(const Loader& loader, std::initializer_list<std::string_view> parts, std::int64_t in,
               std::int64_t out_of_each, bool with_bias)
    : weight(joined_weight(loader, parts, {out_of_each, in})),
      bias(with_bias ? joined_bias(loader, parts, out_of_each) : Vector()) {}

Tensor Linear::operator()(Context& ctx, const Tensor& x, LinearOptions options) const {
  options.bias = &bias;
  return linear(ctx, x, weight, options);
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
  return conv2d(ctx, x, weight, options);
}

GroupNorm::GroupNorm(const Loader& loader, std::int64_t channels, std::int64_t group_count, double small)
    : scale(loader.values("weight", {channels})),
      shift(loader.values("bias", {channels})),
      groups(group_count),
      epsilon(small) {}

Tensor GroupNorm::operator()(Context& ctx, const Tensor& x, Activation activation) const {
  return group_norm(ctx, x, scale, shift, groups, epsilon, activation);
}

LayerNorm::LayerNorm(const Loader& loader, std::int64_t channels, double small)
    : scale(loader.values("weight", {channels})), shift(loader.values("bias", {channels})), epsilon(small) {}

Tensor LayerNorm::operator()(Context& ctx, const Tensor& x) const { return layer_norm(ctx, x, scale, shift, epsilon); }

std::string layer_name(const Loader& loader) {
  std::string name = loader.path("");
  if (name.ends_with('.')) name.pop_back();
  return name;
}

}  // namespace sumi
