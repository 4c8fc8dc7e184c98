#include "cases.h"

#include <array>

namespace sumi::test {
namespace {

struct Types {
  DType x, y;
};
constexpr std::array<Types, 3> types{
    Types{DType::f32, DType::f32}, {DType::bf16, DType::f32}, {DType::bf16, DType::bf16}};
constexpr std::array<Activation, 7> activations{Activation::none,       Activation::silu, Activation::gelu,
                                                Activation::quick_gelu, Activation::relu, Activation::leaky_relu,
                                                Activation::tanh};

/// Walks through what can be fused, one choice a call. The counts of activations, flags and types have no common
/// factor, so that in the long run each meets each.
class Fusions {
 public:
  Activation activation() { return activations[next_activation_++ % activations.size()]; }
  unsigned flags() { return next_flags_++ * 5 % 8; }

 private:
  std::size_t next_activation_ = 0;
  unsigned next_flags_ = 0;
};

}  // namespace

std::vector<Trial<Conv2dOp>> Cases<Conv2dOp>::all() {
  struct Geometry {
    std::int64_t height, width, kernel, stride;
    Conv2dOp::Padding padding;
    bool upsampled = false;
  };
  const Conv2dOp::Padding none{}, around{1, 1, 1, 1}, after{0, 0, 1, 1};
  const Geometry geometries[] = {
      {1, 1, 3, 1, around},     {2, 3, 3, 1, around},       {8, 8, 3, 1, around},       {5, 7, 3, 2, around},
      {9, 4, 3, 2, after},      {16, 16, 3, 2, after},      {3, 3, 3, 1, none},         {13, 20, 3, 1, around},
      {1, 1, 1, 1, none},       {6, 5, 1, 1, none},         {7, 9, 1, 2, none},         {32, 32, 3, 1, around},
      {17, 6, 3, 1, none},      {2, 2, 3, 2, after},        {33, 31, 1, 1, none},       {28, 28, 14, 14, none},
      {9, 10, 4, 4, none},      {1, 1, 3, 1, around, true}, {5, 7, 3, 1, around, true}, {16, 12, 3, 1, around, true},
      {6, 5, 3, 1, none, true}, {4, 3, 1, 1, none, true},   {3, 4, 3, 2, around, true}};
  const std::array<std::int64_t, 2> channels[] = {{1, 1},   {3, 4},  {4, 320}, {320, 4}, {7, 17},  {16, 16},
                                                  {17, 33}, {33, 7}, {32, 32}, {64, 64}, {32, 64}, {320, 320},
                                                  {1, 64},  {64, 3}, {16, 1},  {4, 7},   {320, 16}};
  constexpr double most_flops = 80e6;
  Fusions fusions;
  std::vector<Trial<Conv2dOp>> trials;
  std::int64_t batch = 0;
  for (const auto& [in, out] : channels) {
    for (const Geometry& g : geometries) {
      for (const Types& type : types) {
        const unsigned flags = fusions.flags();
        const Conv2dOp::Case c{.batch = batch++ % 4 + 1,
                               .height = g.height,
                               .width = g.width,
                               .in_channels = in,
                               .out_channels = out,
                               .kernel = g.kernel,
                               .stride = g.stride,
                               .padding = g.padding,
                               .x = type.x,
                               .y = type.y,
                               .activation = fusions.activation(),
                               .bias = (flags & 1) != 0,
                               .row = (flags & 2) != 0,
                               .residual = (flags & 4) != 0,
                               .upsampled = g.upsampled};
        if (c.flops() <= most_flops) trials.push_back({c});
      }
    }
  }
  return trials;
}

std::vector<Trial<LinearOp>> Cases<LinearOp>::all() {
  const std::array<std::int64_t, 3> sizes[] = {
      {1, 1, 1},     {1, 320, 1280}, {2, 3, 7},      {3, 16, 17},    {7, 33, 2},    {16, 64, 64},   {33, 17, 320},
      {77, 64, 33},  {154, 768, 64}, {257, 320, 33}, {64, 320, 320}, {1, 7, 3},     {4, 1280, 320}, {130, 4, 128},
      {63, 31, 129}, {65, 512, 1},   {12, 1, 16},    {1024, 32, 96}, {300, 80, 80}, {1025, 40, 24}, {2000, 9, 12}};
  std::array<Fusions, 3> fusions;
  std::vector<Trial<LinearOp>> trials;
  for (const auto& [rows, in, out] : sizes) {
    for (const Types& type : types) {
      for (const bool gated : {false, true}) {
        for (int repeat = 0; repeat < 6; ++repeat) {
          constexpr std::array roundings = {Rounding::none, Rounding::int8, Rounding::fp8};
          Fusions& fused = fusions[repeat / 2];
          const unsigned flags = fused.flags();
          trials.push_back({{.rows = rows,
                             .in = in,
                             .out = out,
                             .x = type.x,
                             .y = type.y,
                             .activation = fused.activation(),
                             .gated = gated,
                             .bias = (flags & 1) != 0,
                             .residual = (flags & 4) != 0,
                             .rounding = roundings[repeat / 2]}});
        }
      }
    }
  }
  return trials;
}

std::vector<Trial<GroupNormOp>> Cases<GroupNormOp>::all() {
  struct Size {
    std::int64_t batch, pixels, channels, groups;
  };
  const Size sizes[] = {{1, 1, 1, 1},      {1, 2, 3, 1},      {2, 7, 4, 4},      {1, 64, 32, 32},  {3, 65, 64, 32},
                        {2, 256, 320, 32}, {1, 100, 960, 32}, {4, 9, 320, 1},    {1, 1024, 16, 2}, {2, 33, 17, 17},
                        {1, 5, 30, 3},     {1, 4096, 64, 32}, {2, 16, 1280, 32}, {1, 31, 90, 30},  {1, 777, 7, 1},
                        {1, 3, 2560, 32},  {2, 63, 128, 32},  {1, 1, 320, 32},   {1, 17, 33, 11},  {2, 1000, 48, 16}};
  Fusions fusions;
  std::vector<Trial<GroupNormOp>> trials;
  for (const Size& s : sizes) {
    for (const DType type : activation_types) {
      for (const Data data : {Data::ordinary, Data::offset}) {
        trials.push_back({{.batch = s.batch,
                           .pixels = s.pixels,
                           .channels = s.channels,
                           .groups = s.groups,
                           .epsilon = s.pixels % 2 ? 1e-5 : 1e-6,
                           .activation = fusions.activation(),
                           .x = type},
                          data});
      }
    }
  }
  return trials;
}

std::vector<Trial<LayerNormOp>> Cases<LayerNormOp>::all() {
  const std::array<std::int64_t, 2> sizes[] = {{1, 1},    {1, 2},    {3, 7},    {77, 768}, {154, 1024}, {2, 15},
                                               {5, 16},   {4, 17},   {9, 33},   {64, 64},  {65, 320},   {256, 640},
                                               {2, 1280}, {1, 4096}, {130, 31}, {7, 100}};
  std::vector<Trial<LayerNormOp>> trials;
  for (const auto& [rows, channels] : sizes) {
    for (const DType type : activation_types) {
      for (const Data data : {Data::ordinary, Data::offset}) {
        trials.push_back({{.rows = rows, .channels = channels, .epsilon = 1e-5, .x = type}, data});
      }
    }
  }
  return trials;
}

std::vector<Trial<AttentionOp>> Cases<AttentionOp>::all() {
  const std::int64_t head_dims[] = {1, 7, 8, 16, 33, 40, 64, 80, 160, 512};
  const std::array<std::int64_t, 2> lengths[] = {{1, 1},   {2, 7},     {7, 2},     {63, 64},    {64, 65},
                                                 {65, 77}, {77, 77},   {130, 130}, {257, 77},   {130, 257},
                                                 {1, 257}, {1000, 77}, {64, 64},   {1000, 1000}};
  constexpr double most_flops = 170e6;
  std::vector<Trial<AttentionOp>> trials;
  unsigned turn = 0;
  for (const std::int64_t head_dim : head_dims) {
    for (const auto& [queries, keys] : lengths) {
      for (const DType type : activation_types) {
        for (const Data data : {Data::ordinary, Data::large}) {
          ++turn;
          const bool small = queries * keys * head_dim < 200000;
          const std::int64_t heads = small ? std::array<std::int64_t, 3>{1, 2, 8}[turn % 3] : 1 + turn % 2;
          const std::int64_t batch = small ? turn % 4 + 1 : 1, width = heads * head_dim;
          // By turns: apart; q, k and v of one linear; k and v of one linear.
          const unsigned fused = turn / 4 % 3;
          const bool one = fused == 1 && queries == keys;
          const AttentionOp::Case c{.batch = batch,
                                    .heads = heads,
                                    .head_dim = head_dim,
                                    .queries = queries,
                                    .keys = keys,
                                    .q_stride = one ? 3 * width : width,
                                    .k_stride = one     ? 3 * width
                                                : fused ? 2 * width
                                                        : width,
                                    .v_stride = one     ? 3 * width
                                                : fused ? 2 * width
                                                        : width,
                                    .causal = queries == keys && turn / 2 % 2 == 0,
                                    .x = type};
          // The exponentials of a million scores take the reference longest.
          const bool too_long = queries * keys >= 1000000 && head_dim != 8 && head_dim != 40;
          if (c.flops() <= most_flops && !too_long) trials.push_back({c, data});
        }
      }
    }
  }
  return trials;
}

std::vector<Trial<EmbeddingOp>> Cases<EmbeddingOp>::all() {
  const std::array<std::int64_t, 4> sizes[] = {{1, 1, 1, 1},     {2, 77, 1000, 64}, {1, 77, 49408, 16}, {4, 3, 10, 33},
                                               {3, 17, 50, 768}, {1, 2, 5, 7},      {2, 5, 100, 320}};
  std::vector<Trial<EmbeddingOp>> trials;
  for (const auto& [batch, length, vocabulary, channels] : sizes) {
    for (const DType type : activation_types) {
      trials.push_back({{.batch = batch, .length = length, .vocabulary = vocabulary, .channels = channels, .y = type}});
    }
  }
  return trials;
}

std::vector<Trial<SinusoidOp>> Cases<SinusoidOp>::all() {
  std::vector<Trial<SinusoidOp>> trials;
  for (const std::int64_t channels : {2, 4, 6, 34, 256, 320}) {
    for (const std::int64_t count : {1, 2, 5}) {
      for (const DType type : activation_types) {
        const bool shifted = channels % 4 == 0 && count != 2;
        trials.push_back({{.count = count,
                           .channels = channels,
                           .shift = shifted ? 1.0 : 0.0,
                           .cosine_first = count % 2 == 1,
                           .y = type}});
      }
    }
  }
  return trials;
}

std::vector<Trial<NoiseOp>> Cases<NoiseOp>::all() {
  std::vector<Trial<NoiseOp>> trials;
  for (const std::int64_t pixels : {1, 5, 64, 1000, 20011}) {
    for (const std::int64_t channels : {1, 3, 4, 16}) trials.push_back({{.pixels = pixels, .channels = channels}});
  }
  return trials;
}

std::vector<Trial<ActivateOp>> Cases<ActivateOp>::all() {
  constexpr std::array<DType, 3> every{DType::f32, DType::bf16, DType::f16};
  std::vector<Trial<ActivateOp>> trials;
  for (const std::int64_t elements : {1, 2, 7, 15, 16, 17, 31, 33, 64, 1000, 4097, 100003}) {
    for (const DType x : every) {
      for (const DType y : every) trials.push_back({{.elements = elements, .x = x, .y = y}});
    }
    for (const DType x : activation_types) {
      for (const Activation activation : activations) {
        trials.push_back({{.elements = elements, .x = x, .y = x, .activation = activation}});
      }
    }
  }
  return trials;
}

std::vector<Trial<GateOp>> Cases<GateOp>::all() {
  std::vector<Trial<GateOp>> trials;
  const std::array<std::int64_t, 2> sizes[] = {{1, 1}, {3, 7}, {1, 16}, {17, 33}, {64, 320}, {2, 5000}};
  for (const auto& [rows, out] : sizes) {
    for (const DType type : activation_types) {
      for (const Activation activation : activations) {
        trials.push_back({{.rows = rows, .out = out, .x = type, .activation = activation}});
      }
    }
  }
  return trials;
}

std::vector<Trial<BiasOp>> Cases<BiasOp>::all() {
  std::vector<Trial<BiasOp>> trials;
  const std::array<std::int64_t, 2> sizes[] = {{1, 1}, {3, 7}, {1, 16}, {17, 33}, {64, 320}, {2, 5000}};
  for (const auto& [rows, out] : sizes) {
    for (const DType type : activation_types) {
      for (const bool residual : {false, true}) {
        trials.push_back({{.rows = rows, .out = out, .y = type, .residual = residual}});
      }
    }
  }
  return trials;
}

std::vector<Trial<CombineOp>> Cases<CombineOp>::all() {
  std::vector<Trial<CombineOp>> trials;
  unsigned turn = 0;
  for (const std::int64_t elements : {1, 3, 15, 16, 17, 64, 1000, 16384, 50001}) {
    for (std::size_t terms = 1; terms <= CombineOp::most; ++terms) {
      for (const Types& type : types) {
        for (const Data data : {Data::ordinary, Data::cancelling, Data::in_place}) {
          if (data == Data::in_place && type.x != type.y) continue;
          const bool clamped = ++turn % 3 == 0;
          trials.push_back(
              {{.elements = elements, .terms = terms, .x = type.x, .y = type.y, .clamped = clamped}, data});
        }
      }
    }
  }
  return trials;
}

std::vector<Trial<BlendOp>> Cases<BlendOp>::all() {
  std::vector<Trial<BlendOp>> trials;
  for (const std::int64_t elements : {1, 3, 15, 16, 17, 1000, 16384, 50001}) {
    for (const DType type : activation_types) trials.push_back({{.elements = elements, .x = type}});
  }
  return trials;
}

std::vector<Trial<GuideOp>> Cases<GuideOp>::all() {
  std::vector<Trial<GuideOp>> trials;
  for (const std::int64_t batch : {1, 2, 3, 4}) {
    for (const std::int64_t elements : {2, 3, 16, 31, 33, 1000, 16384}) {
      for (const DType type : activation_types) {
        for (const bool rescaled : {false, true}) {
          trials.push_back({{.batch = batch, .elements = elements, .rescaled = rescaled, .x = type}});
        }
      }
    }
  }
  trials.push_back({{.batch = 1, .elements = 1, .rescaled = false, .x = DType::f32}});
  return trials;
}

std::vector<Trial<ConcatOp>> Cases<ConcatOp>::all() {
  const std::array<std::int64_t, 3> sizes[] = {{1, 1, 1},      {1, 3, 4},  {7, 7, 17},   {64, 320, 320}, {100, 33, 1},
                                               {65, 640, 320}, {9, 1, 64}, {1000, 4, 5}, {33, 16, 48}};
  std::vector<Trial<ConcatOp>> trials;
  for (const auto& [rows, a, b] : sizes) {
    for (const DType type : activation_types) {
      trials.push_back({{.rows = rows, .a_channels = a, .b_channels = b, .x = type}});
    }
  }
  return trials;
}

std::vector<Trial<UpsampleOp>> Cases<UpsampleOp>::all() {
  struct Size {
    std::int64_t batch, height, width, channels, out_height, out_width;
  };
  const Size sizes[] = {{1, 1, 1, 1, 1, 1},     {2, 8, 8, 320, 16, 16}, {1, 3, 5, 7, 6, 10},  {1, 4, 4, 33, 7, 8},
                        {3, 2, 3, 17, 5, 7},    {1, 1, 1, 64, 2, 2},    {4, 9, 7, 4, 18, 13}, {1, 32, 32, 16, 64, 64},
                        {1, 13, 11, 3, 25, 22}, {2, 8, 8, 1, 3, 5}};
  std::vector<Trial<UpsampleOp>> trials;
  for (const Size& s : sizes) {
    for (const DType type : activation_types) {
      trials.push_back({{.batch = s.batch,
                         .height = s.height,
                         .width = s.width,
                         .channels = s.channels,
                         .out_height = s.out_height,
                         .out_width = s.out_width,
                         .x = type}});
    }
  }
  return trials;
}

}  // namespace sumi::test
