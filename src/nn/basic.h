#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "ops/conv2d.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "weights/loader.h"

namespace sumi {

/// y = act(x W^T + b) over the last axis; factors beside the weight (Source::beside) are added to W. On channels-last
/// pictures it is the 1x1 convolution too.
struct Linear {
  Weight weight;
  Vector bias;
  /// May round its factors where the context says so. For layers that every step applies to many rows: those of a few
  /// gain nothing, and what is computed once a picture hardly.
  bool may_round = false;

  Linear(const Loader& loader, std::int64_t in, std::int64_t out, bool with_bias = true);
  /// Linears of one input as one: the `out_of_each` outputs of each part, one part after the other.
  Linear(const Loader& loader, std::initializer_list<std::string_view> parts, std::int64_t in, std::int64_t out_of_each,
         bool with_bias = true);

  Tensor operator()(Context& ctx, const Tensor& x, LinearOptions options = {}) const;
};

/// A convolution of an odd kernel that keeps height and width; change `stride` and `padding` where it is another.
struct Conv2d {
  Weight weight;
  Vector bias;
  std::int64_t stride = 1;
  Conv2dOp::Padding padding = {1, 1, 1, 1};

  Conv2d(const Loader& loader, std::int64_t in, std::int64_t out, std::int64_t kernel = 3, bool with_bias = true);

  /// Stride and padding are the layer's, whatever `options` holds.
  Tensor operator()(Context& ctx, const Tensor& x, Conv2dOptions options = {}) const;
};

struct GroupNorm {
  Vector scale, shift;
  std::int64_t groups;
  double epsilon;

  GroupNorm(const Loader& loader, std::int64_t channels, std::int64_t groups, double epsilon);

  Tensor operator()(Context& ctx, const Tensor& x, Activation activation = Activation::none) const;
};

struct LayerNorm {
  Vector scale, shift;
  double epsilon;

  LayerNorm(const Loader& loader, std::int64_t channels, double epsilon = 1e-5);

  Tensor operator()(Context& ctx, const Tensor& x) const;
};

/// The name of a layer in a trace: where its weights lie, "down_blocks.0.resnets.1".
std::string layer_name(const Loader& loader);

}  // namespace sumi
