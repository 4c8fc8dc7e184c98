// Norms and attention of the plain backend against their defining properties.

#include <gtest/gtest.h>

#include "device.h"
#include "memory.h"
#include "ops/attention.h"
#include "ops/norm.h"

namespace sumi::test {
namespace {

using Floats = std::vector<float>;

struct Moments {
  double mean, variance;
};
template <class Select>
Moments moments(const Floats& values, Select select) {
  double sum = 0, squares = 0, n = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!select(i)) continue;
    sum += values[i];
    squares += static_cast<double>(values[i]) * values[i];
    ++n;
  }
  return {sum / n, squares / n - sum / n * (sum / n)};
}

TEST(RefGroupNorm, GivesEveryGroupTheMomentsOfAUnitNormal) {
  constexpr std::size_t batch = 2, pixels = 35, channels = 12, groups = 3;
  constexpr double epsilon = 0.5;
  Device device;
  const Floats x = Random(1).normals(batch * pixels * channels, 3, 2);
  const Floats y = device.values(group_norm(device.ctx, device.tensor({batch, 5, 7, channels}, x),
                                            Vector(Floats(channels, 1)), Vector(Floats(channels, 0)), groups, epsilon));
  for (std::size_t group = 0; group < batch * groups; ++group) {
    const auto mine = [&](std::size_t i) {
      return i / (pixels * channels) == group / groups && i % channels / (channels / groups) == group % groups;
    };
    const Moments before = moments(x, mine), after = moments(y, mine);
    EXPECT_NEAR(after.mean, 0, 1e-6);
    EXPECT_NEAR(after.variance, before.variance / (before.variance + epsilon), 1e-6);
  }
}

TEST(RefGroupNorm, ScalesShiftsAndActivatesByChannel) {
  Device device;
  // Two groups of one channel each with values -1 and 1, so that the normalised values are these.
  const Tensor x = device.tensor({1, 2, 2}, {-1, 1, 1, -1});
  const Floats y = device.values(group_norm(device.ctx, x, Vector({2, 3}), Vector({10, -5}), 2, 0, Activation::relu));
  EXPECT_EQ(y, (Floats{8, 0, 12, 0}));
}

TEST(RefGroupNorm, KeepsASmallDeviationFarFromZero) {
  Device device;
  const Tensor x = device.tensor({1, 4, 1}, {16777213, 16777214, 16777215, 16777216});
  const Floats y = device.values(group_norm(device.ctx, x, Vector({1}), Vector(Floats{0}), 1, 0));
  const double deviation = std::sqrt(1.25);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_FLOAT_EQ(y[i], static_cast<float>((static_cast<double>(i) - 1.5) / deviation));
}

TEST(RefLayerNorm, NormalisesEachRow) {
  Device device;
  const Tensor x = device.tensor({2, 4}, {1, 2, 3, 4, 5, 5, 5, 5});
  const Floats y = device.values(layer_norm(device.ctx, x, Vector({1, 1, 2, 1}), Vector({0, 0, 0, 7}), 0.75));
  // Mean 2.5, variance 1.25, and 1.25 + 0.75 = 2.
  const double root = std::sqrt(2.0);
  const Floats expected{static_cast<float>(-1.5 / root),
                        static_cast<float>(-0.5 / root),
                        static_cast<float>(1 / root),
                        static_cast<float>(1.5 / root + 7),
                        0,
                        0,
                        0,
                        7};
  EXPECT_EQ(y, expected);
}

/// Attention on one head whose values are the unit vectors gives the softmax itself.
Floats softmax_by_attention(const Floats& q, const Floats& k, std::int64_t queries, std::int64_t keys,
                            const AttentionOptions& options) {
  Device device;
  const std::int64_t head_dim = keys;
  Floats units(static_cast<std::size_t>(keys * keys));
  for (std::int64_t i = 0; i < keys; ++i) units[static_cast<std::size_t>(i * keys + i)] = 1;
  return device.values(attention(device.ctx, device.tensor({1, queries, head_dim}, q),
                                 device.tensor({1, keys, head_dim}, k), device.tensor({1, keys, head_dim}, units), 1,
                                 options));
}

TEST(RefAttention, WeightsAreASoftmaxOfScaledProducts) {
  constexpr std::size_t queries = 11, keys = 9;
  Random random(2);
  const Floats q = random.normals(queries * keys), k = random.normals(keys * keys);
  for (const std::optional<float> scale : {std::optional<float>(), std::optional<float>(2.5f)}) {
    const Floats y = softmax_by_attention(q, k, queries, keys, {.scale = scale});
    for (std::size_t i = 0; i < queries; ++i) {
      std::vector<double> weights(keys);
      double sum = 0;
      for (std::size_t j = 0; j < keys; ++j) {
        double product = 0;
        for (std::size_t d = 0; d < keys; ++d) product += static_cast<double>(q[i * keys + d]) * k[j * keys + d];
        sum += weights[j] = std::exp(product * static_cast<double>(scale.value_or(1.0f / 3.0f)));
      }
      for (std::size_t j = 0; j < keys; ++j) EXPECT_NEAR(y[i * keys + j], weights[j] / sum, 1e-7);
    }
  }
}

TEST(RefAttention, CausalRowsSeeOnlyWhatCameBefore) {
  constexpr std::size_t n = 13;
  Random random(4);
  const Floats q = random.normals(n * n), k = random.normals(n * n);
  const Floats all = softmax_by_attention(q, k, n, n, {}), causal = softmax_by_attention(q, k, n, n, {.causal = true});
  for (std::size_t i = 0; i < n; ++i) {
    double seen = 0;
    for (std::size_t j = 0; j <= i; ++j) seen += all[i * n + j];
    for (std::size_t j = 0; j < n; ++j) EXPECT_NEAR(causal[i * n + j], j <= i ? all[i * n + j] / seen : 0, 1e-6);
  }
}

TEST(RefAttention, HugeScoresChooseOneValue) {
  const Floats y = softmax_by_attention({1e18f, 0, 0}, {1e18f, 0, 0, -1e18f, 0, 0, 9e17f, 0, 0}, 1, 3, {});
  EXPECT_EQ(y, (Floats{1, 0, 0}));
}

TEST(RefAttention, HeadsAndPicturesAreApart) {
  constexpr std::int64_t batch = 2, heads = 3, head_dim = 5, queries = 4, keys = 6, width = heads * head_dim;
  Random random(6);
  Device device;
  const Floats q = random.normals(batch * queries * width), k = random.normals(batch * keys * width),
               v = random.normals(batch * keys * width);
  const Floats y =
      device.values(attention(device.ctx, device.tensor({batch, queries, width}, q),
                              device.tensor({batch, keys, width}, k), device.tensor({batch, keys, width}, v), heads));
  const auto part = [&](const Floats& from, std::int64_t rows, std::int64_t n, std::int64_t head) {
    Floats values;
    for (std::int64_t row = n * rows; row < (n + 1) * rows; ++row) {
      const auto begin = from.begin() + row * width + head * head_dim;
      values.insert(values.end(), begin, begin + head_dim);
    }
    return values;
  };
  for (std::int64_t n = 0; n < batch; ++n) {
    for (std::int64_t head = 0; head < heads; ++head) {
      const Tensor alone = attention(device.ctx, device.tensor({1, queries, head_dim}, part(q, queries, n, head)),
                                     device.tensor({1, keys, head_dim}, part(k, keys, n, head)),
                                     device.tensor({1, keys, head_dim}, part(v, keys, n, head)), 1);
      EXPECT_EQ(device.values(alone), part(y, queries, n, head));
    }
  }
}

TEST(RefAttention, TakesColumnsOfAWiderTensor) {
  constexpr std::int64_t batch = 2, tokens = 7, heads = 2, width = 6;
  Random random(8);
  Device device;
  const Floats all = random.normals(batch * tokens * 3 * width);
  const Tensor qkv = device.tensor({batch, tokens, 3 * width}, all);
  const auto apart = [&](std::int64_t part) {
    Floats values;
    for (std::int64_t row = 0; row < batch * tokens; ++row) {
      const auto begin = all.begin() + (row * 3 + part) * width;
      values.insert(values.end(), begin, begin + width);
    }
    return device.tensor({batch, tokens, width}, values);
  };
  const auto columns = [&](std::int64_t part) { return qkv.columns(part * width, (part + 1) * width); };
  EXPECT_EQ(device.values(attention(device.ctx, columns(0), columns(1), columns(2), heads)),
            device.values(attention(device.ctx, apart(0), apart(1), apart(2), heads)));
}

}  // namespace
}  // namespace sumi::test
