// Norms, embeddings, noise, elementwise ops and copies.

#include <limits>

#include "tolerance.h"

namespace sumi::test {

// group_norm, layer_norm

namespace {

/// The rounding of x's sums moves the mean by about unit32 * largest * sqrt(elements per lane), which the division by
/// the deviation magnifies. Sixteen covers 4096 additions in each of sixteen lanes; a variance from a difference of
/// squares, whose error grows with the square of the mean, is far outside for Data::offset.
double norm_error(double largest, double inverse, double scale, double shift, double y) {
  return steepest * 16 * unit32 * (std::abs(scale) * inverse * largest + std::abs(shift) + std::abs(y));
}

struct Spread {
  double largest = 0, inverse = 0;
};

/// Of `rows` runs of `width` elements that lie `stride` apart.
Spread spread(const float* x, std::int64_t rows, std::int64_t width, std::int64_t stride, double epsilon) {
  double sum = 0, squares = 0, largest = 0;
  const auto each = [&](auto visit) {
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t i = 0; i < width; ++i) visit(static_cast<double>(x[row * stride + i]));
    }
  };
  const auto n = static_cast<double>(rows * width);
  each([&](double value) {
    sum += value;
    largest = std::max(largest, std::abs(value));
  });
  each([&](double value) { squares += (value - sum / n) * (value - sum / n); });
  return {largest, 1 / std::sqrt(squares / n + epsilon)};
}

Tensor norm_input(const Shape& shape, Data data, DType type, Random& random, Memory& memory) {
  if (data != Data::offset) return normal(shape, random, memory);
  // bf16 holds numbers near 20 in steps of an eighth.
  return type == DType::f32 ? normal(shape, random, memory, 100, 0.1) : normal(shape, random, memory, -20, 1);
}

}  // namespace

Shape Problem<GroupNormOp>::output(const Case& c) { return {c.batch, c.pixels, c.channels}; }

GroupNormOp::Args Problem<GroupNormOp>::inputs(const Trial<GroupNormOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.x = norm_input(output(c), trial.data, c.x, random, memory);
  args.scale = normal({c.channels}, random, memory);
  args.shift = normal({c.channels}, random, memory);
  return args;
}

void Problem<GroupNormOp>::convert(const Case& c, Args& args, Memory& memory) {
  args.x = memory.converted(args.x, c.x);
}

Values Problem<GroupNormOp>::tolerance(const Trial<GroupNormOp>& trial, const Args& args, const Values&,
                                       const Values& expected) {
  const Case& c = trial.c;
  const std::int64_t size = c.channels / c.groups;
  std::vector<Spread> spreads;
  for (std::int64_t i = 0; i < c.batch * c.groups; ++i) {
    const float* x = args.x.data<float>() + i / c.groups * c.pixels * c.channels + i % c.groups * size;
    spreads.push_back(spread(x, c.pixels, size, c.channels, c.epsilon));
  }
  return bounds(expected, [&](std::size_t i) {
    const auto at = static_cast<std::int64_t>(i), channel = at % c.channels;
    const Spread& s = spreads[static_cast<std::size_t>(at / (c.pixels * c.channels) * c.groups + channel / size)];
    return norm_error(s.largest, s.inverse, args.scale.data<float>()[channel], args.shift.data<float>()[channel],
                      expected[i]) +
           rounding(c.x, expected[i]);
  });
}

Shape Problem<LayerNormOp>::output(const Case& c) { return {c.rows, c.channels}; }

LayerNormOp::Args Problem<LayerNormOp>::inputs(const Trial<LayerNormOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.x = norm_input(output(c), trial.data, c.x, random, memory);
  args.scale = normal({c.channels}, random, memory);
  args.shift = normal({c.channels}, random, memory);
  return args;
}

void Problem<LayerNormOp>::convert(const Case& c, Args& args, Memory& memory) {
  args.x = memory.converted(args.x, c.x);
}

Values Problem<LayerNormOp>::tolerance(const Trial<LayerNormOp>& trial, const Args& args, const Values&,
                                       const Values& expected) {
  const Case& c = trial.c;
  std::vector<Spread> spreads;
  for (std::int64_t row = 0; row < c.rows; ++row) {
    spreads.push_back(spread(args.x.data<float>() + row * c.channels, 1, c.channels, 0, c.epsilon));
  }
  return bounds(expected, [&](std::size_t i) {
    const auto at = static_cast<std::int64_t>(i), channel = at % c.channels;
    const Spread& s = spreads[static_cast<std::size_t>(at / c.channels)];
    return norm_error(s.largest, s.inverse, args.scale.data<float>()[channel], args.shift.data<float>()[channel],
                      expected[i]) +
           rounding(c.x, expected[i]);
  });
}

// embedding, sinusoid

Shape Problem<EmbeddingOp>::weight(const Case& c) { return {c.vocabulary, c.channels}; }
Shape Problem<EmbeddingOp>::output(const Case& c) { return {c.batch, c.length, c.channels}; }

EmbeddingOp::Args Problem<EmbeddingOp>::inputs(const Trial<EmbeddingOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.ids = memory.tensor({c.batch, c.length}, DType::i32);
  auto* ids = args.ids.data<std::int32_t>();
  for (std::int64_t i = 0; i < c.batch * c.length; ++i) ids[i] = static_cast<std::int32_t>(random.below(c.vocabulary));
  ids[0] = static_cast<std::int32_t>(c.vocabulary - 1);
  args.positions = normal({c.length + 1, c.channels}, random, memory);
  return args;
}

void Problem<EmbeddingOp>::convert(const Case&, Args&, Memory&) {}

// A table kept in y's type rounds once more.
Values Problem<EmbeddingOp>::tolerance(const Trial<EmbeddingOp>& trial, const Args& args, const Values& weight,
                                       const Values& expected) {
  Memory memory;
  Args positive = args;
  positive.positions = memory.mapped(args.positions, DType::f32, magnitude);
  const Values total = evaluate<EmbeddingOp>(widened(trial.c), positive, mapped(weight, magnitude));
  return bounds(expected, [&](std::size_t i) { return unit(trial.c.y) * total[i] + rounding(trial.c.y, expected[i]); });
}

Shape Problem<SinusoidOp>::output(const Case& c) { return {c.count, c.channels}; }

SinusoidOp::Args Problem<SinusoidOp>::inputs(const Trial<SinusoidOp>& trial, Random& random, Memory& memory) {
  Args args;
  args.x = memory.tensor({trial.c.count}, DType::f32);
  for (std::int64_t i = 0; i < trial.c.count; ++i) {
    args.x.data<float>()[i] = static_cast<float>(random.below(1000)) + (i % 2 ? 0.25f : 0.0f);
  }
  return args;
}

void Problem<SinusoidOp>::convert(const Case&, Args&, Memory&) {}

// An angle computed in float32, from a frequency in float32, is off by a few units of it.
Values Problem<SinusoidOp>::tolerance(const Trial<SinusoidOp>& trial, const Args& args, const Values&,
                                      const Values& expected) {
  const Case& c = trial.c;
  return bounds(expected, [&](std::size_t i) {
    const double timestep = args.x.data<float>()[i / static_cast<std::size_t>(c.channels)];
    return 4 * unit32 * (timestep + 1) + rounding(c.y, expected[i]);
  });
}

// noise

Shape Problem<NoiseOp>::output(const Case& c) { return {1, c.pixels, 1, c.channels}; }

NoiseOp::Args Problem<NoiseOp>::inputs(const Trial<NoiseOp>&, Random& random, Memory&) {
  const auto seed = static_cast<std::uint64_t>(random.below(std::numeric_limits<std::int64_t>::max()));
  return {.draw = {.seed = seed, .offset = static_cast<std::uint32_t>(random.below(1000))}};
}

void Problem<NoiseOp>::convert(const Case&, Args&, Memory&) {}

// The fast sine of a GPU is off by 2^-21.41 for angles up to pi (the programming guide's table of intrinsics). Its
// angles are rounded as shares of a turn, which doubles that up to 2 pi. There the angles that it is given lie 2^-21
// apart, and are one such step apart where a product and a sum are joined. Logarithm, root and product round too.
Values Problem<NoiseOp>::tolerance(const Trial<NoiseOp>& trial, const Args& args, const Values&,
                                   const Values& expected) {
  const auto channels = static_cast<std::size_t>(trial.c.channels), pixels = expected.size() / channels;
  return bounds(expected, [&](std::size_t i) {
    const double uniform = philox(args.draw, i % channels * pixels + i / channels).uniform;
    return std::sqrt(-2 * std::log(uniform)) * (2 * std::exp2(-21.41) + 0x1p-21) +
           4 * rounding(DType::f32, expected[i]);
  });
}

// activate, gate, combine, blend, guide

Shape Problem<ActivateOp>::output(const Case& c) { return {c.elements}; }

ActivateOp::Args Problem<ActivateOp>::inputs(const Trial<ActivateOp>& trial, Random& random, Memory& memory) {
  Args args;
  args.x = normal({trial.c.elements}, random, memory, 0, 4);
  return args;
}

void Problem<ActivateOp>::convert(const Case& c, Args& args, Memory& memory) { args.x = memory.converted(args.x, c.x); }

Values Problem<ActivateOp>::tolerance(const Trial<ActivateOp>& trial, const Args& args, const Values&,
                                      const Values& expected) {
  const Case& c = trial.c;
  return bounds(expected, [&](std::size_t i) {
    if (c.activation == Activation::none) return 0.0;
    return 8 * unit32 * std::abs(static_cast<double>(args.x.data<float>()[i])) + rounding(c.y, expected[i]);
  });
}

Shape Problem<GateOp>::output(const Case& c) { return {c.rows, c.out}; }

GateOp::Args Problem<GateOp>::inputs(const Trial<GateOp>& trial, Random& random, Memory& memory) {
  Args args;
  args.x = normal({trial.c.rows, 2 * trial.c.out}, random, memory, 0, 4);
  return args;
}

void Problem<GateOp>::convert(const Case& c, Args& args, Memory& memory) { args.x = memory.converted(args.x, c.x); }

Values Problem<GateOp>::tolerance(const Trial<GateOp>& trial, const Args& args, const Values&, const Values& expected) {
  const Case& c = trial.c;
  return bounds(expected, [&](std::size_t i) {
    const auto out = static_cast<std::size_t>(c.out), row = i / out;
    const float* value = args.x.data<float>() + i + row * out;
    return 8 * unit32 * std::abs(static_cast<double>(value[0]) * value[out]) + rounding(c.x, expected[i]);
  });
}

Shape Problem<BiasOp>::output(const Case& c) { return {c.rows, c.out}; }

BiasOp::Args Problem<BiasOp>::inputs(const Trial<BiasOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.bias = normal({c.out}, random, memory);
  if (c.residual) args.residual = normal({c.rows, c.out}, random, memory);
  return args;
}

void Problem<BiasOp>::convert(const Case& c, Args& args, Memory& memory) {
  if (c.residual) args.residual = memory.converted(args.residual, c.y);
}

Values Problem<BiasOp>::tolerance(const Trial<BiasOp>& trial, const Args&, const Values&, const Values& expected) {
  return bounds(expected, [&](std::size_t i) {
    return 8 * unit32 * std::abs(static_cast<double>(expected[i])) + rounding(trial.c.y, expected[i]);
  });
}

Shape Problem<CombineOp>::output(const Case& c) { return {c.elements}; }

CombineOp::Args Problem<CombineOp>::inputs(const Trial<CombineOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  for (std::size_t term = 0; term < c.terms; ++term) {
    args.x[term] = normal({c.elements}, random, memory);
    args.coefficient[term] = random.normals(1).front();
    if (trial.data == Data::cancelling && term % 2 == 1) {
      args.x[term] = args.x[term - 1];
      args.coefficient[term] = -args.coefficient[term - 1] * (1 - 1e-6);
    }
  }
  args.limit = 1;
  return args;
}

void Problem<CombineOp>::convert(const Case& c, Args& args, Memory& memory) {
  for (std::size_t term = 0; term < c.terms; ++term) args.x[term] = memory.converted(args.x[term], c.x);
}

Values Problem<CombineOp>::tolerance(const Trial<CombineOp>& trial, const Args& args, const Values&,
                                     const Values& expected) {
  const Case& c = trial.c;
  return bounds(expected, [&](std::size_t i) {
    double total = 0;
    for (std::size_t term = 0; term < c.terms; ++term) {
      total += std::abs(args.coefficient[term] * static_cast<double>(args.x[term].data<float>()[i]));
    }
    return 0x1p-48 * total + rounding(DType::f32, expected[i]) + rounding(c.y, expected[i]);
  });
}

Shape Problem<BlendOp>::output(const Case& c) { return {c.elements}; }

BlendOp::Args Problem<BlendOp>::inputs(const Trial<BlendOp>& trial, Random& random, Memory& memory) {
  const Shape shape{trial.c.elements};
  Args args;
  args.mask = normal(shape, random, memory);
  args.a = normal(shape, random, memory);
  args.b = normal(shape, random, memory);
  return args;
}

void Problem<BlendOp>::convert(const Case& c, Args& args, Memory& memory) {
  for (Tensor* x : {&args.mask, &args.a, &args.b}) *x = memory.converted(*x, c.x);
}

Values Problem<BlendOp>::tolerance(const Trial<BlendOp>& trial, const Args& args, const Values&,
                                   const Values& expected) {
  return bounds(expected, [&](std::size_t i) {
    const double mask = args.mask.data<float>()[i], a = args.a.data<float>()[i], b = args.b.data<float>()[i];
    return 2 * unit32 * (std::abs(mask * a) + (1 + std::abs(mask)) * std::abs(b)) + rounding(trial.c.x, expected[i]);
  });
}

Shape Problem<GuideOp>::output(const Case& c) { return {c.batch, c.elements}; }

GuideOp::Args Problem<GuideOp>::inputs(const Trial<GuideOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.x = normal({2 * c.batch, c.elements}, random, memory);
  args.guidance = 7.5;
  args.rescale = c.rescaled ? 0.7 : 0;
  return args;
}

void Problem<GuideOp>::convert(const Case& c, Args& args, Memory& memory) { args.x = memory.converted(args.x, c.x); }

// Rescaling multiplies by less than 1 + std(c) / std(y), which has the error of two sums over the picture.
Values Problem<GuideOp>::tolerance(const Trial<GuideOp>& trial, const Args& args, const Values&,
                                   const Values& expected) {
  const Case& c = trial.c;
  Case plain = widened(c);
  plain.rescaled = false;
  const Values unscaled = evaluate<GuideOp>(plain, args);
  const float *u = args.x.data<float>(), *v = u + c.batch * c.elements;
  return bounds(expected, [&](std::size_t i) {
    const double terms = (args.guidance + 1) * (std::abs(static_cast<double>(u[i])) + std::abs(v[i]));
    const double factor = unscaled[i] == 0.0f ? 1.0 : std::abs(static_cast<double>(expected[i]) / unscaled[i]);
    return 8 * unit32 * (factor * terms + 2 * std::abs(expected[i])) + rounding(c.x, expected[i]);
  });
}

// concat, upsample: copies

Shape Problem<ConcatOp>::output(const Case& c) { return {c.rows, c.a_channels + c.b_channels}; }

ConcatOp::Args Problem<ConcatOp>::inputs(const Trial<ConcatOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.a = normal({c.rows, c.a_channels}, random, memory);
  args.b = normal({c.rows, c.b_channels}, random, memory);
  return args;
}

void Problem<ConcatOp>::convert(const Case& c, Args& args, Memory& memory) {
  args.a = memory.converted(args.a, c.x);
  args.b = memory.converted(args.b, c.x);
}

Values Problem<ConcatOp>::tolerance(const Trial<ConcatOp>&, const Args&, const Values&, const Values& expected) {
  return Values(expected.size());
}

Shape Problem<UpsampleOp>::output(const Case& c) { return {c.batch, c.out_height, c.out_width, c.channels}; }

UpsampleOp::Args Problem<UpsampleOp>::inputs(const Trial<UpsampleOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.x = normal({c.batch, c.height, c.width, c.channels}, random, memory);
  return args;
}

void Problem<UpsampleOp>::convert(const Case& c, Args& args, Memory& memory) { args.x = memory.converted(args.x, c.x); }

Values Problem<UpsampleOp>::tolerance(const Trial<UpsampleOp>&, const Args&, const Values&, const Values& expected) {
  return Values(expected.size());
}

}  // namespace sumi::test
