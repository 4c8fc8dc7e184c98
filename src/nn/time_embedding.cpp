#include "nn/time_embedding.h"

namespace sumi {

TimeEmbedding::TimeEmbedding(const Loader& loader, std::int64_t in, std::int64_t out, std::int64_t condition)
    : linear_1(loader.at("linear_1"), in, out), linear_2(loader.at("linear_2"), out, out) {
  if (condition) condition_projection.emplace(loader.at("cond_proj"), condition, in, false);
}

Tensor TimeEmbedding::operator()(Context& ctx, Tensor x, const Tensor& condition, const Tensor& residual) const {
  if (condition_projection) x = (*condition_projection)(ctx, condition, {.residual = x});
  x = linear_1(ctx, x, {.activation = Activation::silu});
  return linear_2(ctx, x, {.residual = residual});
}

}  // namespace sumi
