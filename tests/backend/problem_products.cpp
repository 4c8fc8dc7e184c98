// Ops that sum products: convolution, linear, attention.

#include "tolerance.h"

namespace sumi::test {
namespace {

/// A sum of products t_i, in the precision of x's type, is off by about a normal variable whose deviation grows with
/// the norm sqrt(sum t_i^2):
///   weights rounded to x's type change each t_i by up to unit * |t_i|, together by 0.42 unit * norm (of a value that
///   lies anywhere in a binade); Winograd F(2,3) rounds both factors once more, after transforms that raise the norm by
///   sqrt(25/9), so sqrt(1 + 50/9) times that: 1.1 unit * norm. Beside zeros around the map it raises it by up to
///   sqrt(25/4), where one tap of nine sees the map: 1.6 unit * norm;
///   n additions in float32, in any order, round partial sums of up to the norm: unit32 * sqrt(n) * norm.
/// Six times both: 5.5 deviations for Winograd, 3.8 in such a corner, fourteen for a direct sum.
double dot_error(DType x, std::int64_t terms) { return 6 * (unit(x) + unit32 * std::sqrt(static_cast<double>(terms))); }

}  // namespace

// conv2d

Shape Problem<Conv2dOp>::weight(const Case& c) { return {c.out_channels, c.in_channels, c.kernel, c.kernel}; }
Shape Problem<Conv2dOp>::output(const Case& c) { return {c.batch, c.out_height(), c.out_width(), c.out_channels}; }

Conv2dOp::Args Problem<Conv2dOp>::inputs(const Trial<Conv2dOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.x = normal({c.batch, c.height, c.width, c.in_channels}, random, memory);
  if (c.bias) args.bias = normal({c.out_channels}, random, memory);
  if (c.row) args.row = normal({c.batch, c.out_channels}, random, memory);
  if (c.residual) args.residual = normal(output(c), random, memory);
  return args;
}

void Problem<Conv2dOp>::convert(const Case& c, Args& args, Memory& memory) {
  args.x = memory.converted(args.x, c.x);
  args.row = memory.converted(args.row, c.x);
  args.residual = memory.converted(args.residual, c.y);
}

Values Problem<Conv2dOp>::tolerance(const Trial<Conv2dOp>& trial, const Args& args, const Values& weight,
                                    const Values& expected) {
  Case c = widened(trial.c);
  c.activation = Activation::none;
  Memory memory;
  Args squared;
  squared.x = memory.mapped(args.x, DType::f32, square);
  squared.bias = memory.mapped(args.bias, DType::f32, square);
  squared.row = memory.mapped(args.row, DType::f32, square);
  squared.residual = memory.mapped(args.residual, DType::f32, square);
  const Values squares = evaluate<Conv2dOp>(c, squared, mapped(weight, square));
  const double error = steepest * dot_error(trial.c.x, c.in_channels * c.kernel * c.kernel);
  return bounds(expected,
                [&](std::size_t i) { return error * std::sqrt(squares[i]) + rounding(trial.c.y, expected[i]); });
}

// linear

Shape Problem<LinearOp>::weight(const Case& c) { return {c.weight_rows(), c.in}; }
Shape Problem<LinearOp>::output(const Case& c) { return {c.rows, c.out}; }

LinearOp::Args Problem<LinearOp>::inputs(const Trial<LinearOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  Args args;
  args.x = normal({c.rows, c.in}, random, memory);
  if (c.bias) args.bias = normal({c.weight_rows()}, random, memory);
  if (c.residual) args.residual = normal(output(c), random, memory);
  return args;
}

void Problem<LinearOp>::convert(const Case& c, Args& args, Memory& memory) {
  args.x = memory.converted(args.x, c.x);
  args.residual = memory.converted(args.residual, c.y);
}

// With rounded factors a sum of int8 loses nothing. One of fp8 loses what any sum in float32 does, and on Hopper's
// tensor cores more: they keep some 14 bits of the sums of a few products (DeepSeek-V3, 2024, section 3.3.2), so 2^-13
// as the unit of a product. It is rounded to float32, multiplied by the product of two steps, which is rounded too, and
// the bias added; an activation adds as much. Else products are those of any sum.
//
// With sums s off by e(s): values and gates multiply, and no activation exceeds |x|, so y = v act(g) is off by
// e(v) |g| + |v| steepest e(g) + e(v) steepest e(g).
Values Problem<LinearOp>::tolerance(const Trial<LinearOp>& trial, const Args& args, const Values& weight,
                                    const Values& expected) {
  Case plain = widened(trial.c);
  plain.out = plain.weight_rows();
  plain.gated = plain.residual = false;
  plain.activation = Activation::none;
  Memory memory;
  Args squared;
  squared.x = memory.mapped(args.x, DType::f32, square);
  squared.bias = memory.mapped(args.bias, DType::f32, square);
  const Values sums = evaluate<LinearOp>(plain, args, weight);
  const Values squares = evaluate<LinearOp>(plain, squared, mapped(weight, square));
  const Case& c = trial.c;
  const auto n = static_cast<std::size_t>(c.out), wide = static_cast<std::size_t>(plain.out);
  const double relative = dot_error(c.x, c.in);
  const auto error_of = [&](std::size_t sum) {
    if (c.rounding == Rounding::none) return relative * std::sqrt(squares[sum]);
    const double summed =
        c.rounding == Rounding::int8 ? 0 : (6 * 0x1p-13 + dot_error(DType::f32, c.in)) * std::sqrt(squares[sum]);
    const double bias = c.bias ? std::abs(args.bias.data<float>()[sum % wide]) : 0.0f;
    return summed + 8 * unit32 * (std::abs(sums[sum]) + 2 * bias);
  };
  return bounds(expected, [&](std::size_t i) {
    const std::size_t v = i / n * wide + i % n, g = v + (c.gated ? n : 0);
    const double v_error = error_of(v), g_error = steepest * error_of(g);
    const double residual = c.residual ? std::abs(args.residual.data<float>()[i]) : 0.0f;
    const double product = c.gated ? v_error * std::abs(sums[g]) + (std::abs(sums[v]) + v_error) * g_error : g_error;
    return product + 2 * unit32 * (std::abs(expected[i]) + residual) + rounding(c.y, expected[i]);
  });
}

// attention

Shape Problem<AttentionOp>::output(const Case& c) { return {c.batch, c.queries, c.heads * c.head_dim}; }

AttentionOp::Args Problem<AttentionOp>::inputs(const Trial<AttentionOp>& trial, Random& random, Memory& memory) {
  const Case& c = trial.c;
  const auto rows = [&](std::int64_t length, std::int64_t stride, double deviation) {
    const Shape shape{c.batch, length, c.heads * c.head_dim};
    const Tensor made = memory.tensor(shape, DType::f32, stride);
    const Values values = random.normals(shape.elements(), 0, deviation);
    for (std::int64_t i = 0; i < made.rows(); ++i) {
      std::copy_n(values.begin() + i * shape[-1], shape[-1], made.data<float>() + i * stride);
    }
    return made;
  };
  // Scores are products of two normals, summed over the head and scaled back by its root: deviation d^2.
  const double deviation = trial.data == Data::large ? 15 : 1;
  Args args;
  args.q = rows(c.queries, c.q_stride, deviation);
  args.k = rows(c.keys, c.k_stride, deviation);
  args.v = rows(c.keys, c.v_stride, 1);
  args.scale = 1 / std::sqrt(static_cast<float>(c.head_dim));
  return args;
}

void Problem<AttentionOp>::convert(const Case& c, Args& args, Memory& memory) {
  args.q = memory.converted(args.q, c.x);
  args.k = memory.converted(args.k, c.x);
  args.v = memory.converted(args.v, c.x);
}

namespace {

double longest_row(const Tensor& x, std::int64_t n, std::int64_t head, std::int64_t head_dim) {
  double most = 0;
  for (std::int64_t row = n * x.size(1); row < (n + 1) * x.size(1); ++row) {
    const float* values = x.data<float>() + row * x.row_stride() + head * head_dim;
    double squares = 0;
    for (std::int64_t i = 0; i < head_dim; ++i) squares += static_cast<double>(values[i]) * values[i];
    most = std::max(most, squares);
  }
  return std::sqrt(most);
}

}  // namespace

// Weights are exponentials of scores. A score is at most the product of the longest query and key, times the scale, and
// its sum over the head is off by unit32 * sqrt(head dim) of that: so much is each weight, relatively. Weights rounded
// to x's type for the sum over values, and their sum, are off by a unit each; additions over keys as in any sum. All
// of it scales with the sum of weight * |value|.
Values Problem<AttentionOp>::tolerance(const Trial<AttentionOp>& trial, const Args& args, const Values&,
                                       const Values& expected) {
  const Case& c = trial.c;
  Memory memory;
  Args positive = args;
  positive.v = memory.mapped(args.v, DType::f32, magnitude);
  const Values total = evaluate<AttentionOp>(widened(c), positive);
  std::vector<double> relative;
  for (std::int64_t i = 0; i < c.batch * c.heads; ++i) {
    const double score = static_cast<double>(args.scale) * longest_row(args.q, i / c.heads, i % c.heads, c.head_dim) *
                         longest_row(args.k, i / c.heads, i % c.heads, c.head_dim);
    const double sums =
        4 * (std::sqrt(static_cast<double>(c.head_dim)) + 2) * score + 8 * std::sqrt(static_cast<double>(c.keys));
    relative.push_back(2 * unit(c.x) + unit32 * sums);
  }
  return bounds(expected, [&](std::size_t i) {
    const auto at = static_cast<std::int64_t>(i), width = c.heads * c.head_dim;
    const std::int64_t n = at / (c.queries * width), head = at % width / c.head_dim;
    return relative[static_cast<std::size_t>(n * c.heads + head)] * total[i] + rounding(c.x, expected[i]);
  });
}

}  // namespace sumi::test
