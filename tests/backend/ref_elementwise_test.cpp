// Elementwise ops, embeddings, copies, and the memory of the plain backend.

#include <gtest/gtest.h>

#include "core/threads.h"
#include "device.h"
#include "memory.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/layout.h"
#include "ops/linear.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

using Floats = std::vector<float>;

TEST(RefActivate, HasTheKnownValues) {
  Device device;
  const auto at = [&](Activation activation, float x) {
    return device.values(activate(device.ctx, device.tensor({1}, {x}), activation))[0];
  };
  // Phi(1) and Phi(-2) of the normal distribution, 1 / (1 + e^-1) and 1 / (1 + e^-3.404), in many digits elsewhere.
  EXPECT_FLOAT_EQ(at(Activation::gelu, 1), 0.841344746068543f);
  EXPECT_FLOAT_EQ(at(Activation::gelu, -2), -2 * 0.022750131948179f);
  EXPECT_FLOAT_EQ(at(Activation::silu, 1), 0.731058578630005f);
  EXPECT_FLOAT_EQ(at(Activation::quick_gelu, 2), 2 * 0.967829311572104f);
  EXPECT_EQ(at(Activation::relu, -3), 0);
  EXPECT_EQ(at(Activation::relu, 3), 3);
  EXPECT_FLOAT_EQ(at(Activation::leaky_relu, -3), -0.6f);
  EXPECT_EQ(at(Activation::leaky_relu, 3), 3);
  EXPECT_FLOAT_EQ(at(Activation::tanh, 0.5), 0.46211715726000976f);
  for (const Activation activation : {Activation::silu, Activation::gelu, Activation::quick_gelu}) {
    EXPECT_EQ(at(activation, -1e30f), 0) << name_of(activation);
    EXPECT_EQ(at(activation, 1e30f), 1e30f) << name_of(activation);
  }
}

TEST(RefActivate, CastsAsTheTypesRound) {
  Device device;
  const Floats x = Random(9).normals(5000, 0, 100);
  const Tensor tensor = device.tensor({5000}, x);
  const Floats narrow = device.values(cast(device.ctx, tensor, DType::bf16));
  const Floats half = device.values(cast(device.ctx, tensor, DType::f16));
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(narrow[i], static_cast<float>(bf16(x[i])));
    EXPECT_EQ(half[i], static_cast<float>(f16(x[i])));
  }
  EXPECT_EQ(cast(device.ctx, tensor, DType::f32).raw(), tensor.raw());
}

TEST(RefCombine, AddsInDouble) {
  Device device;
  const Tensor a = device.tensor({3}, {1, 2, 3}), b = device.tensor({3}, {1, 2, 3.5f});
  const Term terms[] = {{1e10, a}, {-1e10 + 0.25, b}};
  // In float32 the coefficients would be equal and opposite.
  EXPECT_EQ(device.values(combine(device.ctx, terms)), (Floats{0.25f, 0.5f, -5e9f + 0.875f}));
}

TEST(RefCombine, ClampsAndWritesIntoATerm) {
  Device device;
  const Tensor a = device.tensor({4}, {1, -2, 0.25f, 0}), b = device.tensor({4}, {1, -2, 0.25f, 0});
  const Term terms[] = {{1, a}, {2, b}};
  const Tensor y = combine(device.ctx, terms, {.limit = 1.5, .into = a});
  EXPECT_EQ(y.raw(), a.raw());
  EXPECT_EQ(device.values(a), (Floats{1.5f, -1.5f, 0.75f, 0}));
  EXPECT_EQ(device.values(b), (Floats{1, -2, 0.25f, 0}));
}

double deviation(const float* values, std::size_t n) {
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < n; ++i) sum += values[i];
  for (std::size_t i = 0; i < n; ++i) squares += std::pow(values[i] - sum / static_cast<double>(n), 2);
  return std::sqrt(squares / static_cast<double>(n - 1));
}

TEST(RefBlend, GoesFromTheSecondToTheFirstAsTheMaskGrows) {
  Device device;
  const Tensor y = device.tensor({4}, {1, 1, 1, 1});
  blend(device.ctx, device.tensor({4}, {0, 1, 0.5, 2}), y, device.tensor({4}, {5, 5, 5, 5}), y);
  EXPECT_EQ(device.values(y), (Floats{5, 1, 3, -3}));
}

TEST(RefGuide, MovesFromTheUnconditionalThroughTheConditional) {
  Device device;
  const Tensor x = device.tensor({4, 2}, {1, 2, 3, 4, 2, 2, 2, 8});
  EXPECT_EQ(device.values(guide(device.ctx, x, 3)), (Floats{4, 2, 0, 16}));
  EXPECT_EQ(device.values(guide(device.ctx, x, 1)), (Floats{2, 2, 2, 8}));
  EXPECT_EQ(device.values(guide(device.ctx, x, 0)), (Floats{1, 2, 3, 4}));
}

TEST(RefGuide, RescaledHasTheDeviationOfTheConditional) {
  constexpr std::size_t n = 60;
  Device device;
  const Floats x = Random(10).normals(4 * n);
  const Tensor tensor = device.tensor({4, 3, 4, 5}, x);
  const Floats plain = device.values(guide(device.ctx, tensor, 7.5));
  const Floats whole = device.values(guide(device.ctx, tensor, 7.5, 1));
  const Floats part = device.values(guide(device.ctx, tensor, 7.5, 0.7));
  for (std::size_t picture = 0; picture < 2; ++picture) {
    EXPECT_NEAR(deviation(whole.data() + picture * n, n), deviation(x.data() + (2 + picture) * n, n), 1e-6);
  }
  for (std::size_t i = 0; i < 2 * n; ++i) EXPECT_NEAR(part[i], 0.7 * whole[i] + 0.3 * plain[i], 4e-6);
}

TEST(RefSinusoid, IsCosineAndSineOfGeometricFrequencies) {
  constexpr std::size_t half = 160;
  Device device;
  const Floats timesteps{0, 1, 981, 999.5f};
  for (const double shift : {0.0, 1.0}) {
    for (const bool cosine_first : {true, false}) {
      const Floats y = device.values(sinusoid(device.ctx, device.tensor({4}, timesteps), 2 * half,
                                              {.shift = shift, .cosine_first = cosine_first}));
      for (std::size_t n = 0; n < 4; ++n) {
        for (std::size_t i = 0; i < half; ++i) {
          const double angle = timesteps[n] * std::pow(10000.0, -static_cast<double>(i) / (half - shift));
          EXPECT_NEAR(y[n * 2 * half + (cosine_first ? 0 : half) + i], std::cos(angle), 1e-7);
          EXPECT_NEAR(y[n * 2 * half + (cosine_first ? half : 0) + i], std::sin(angle), 1e-7);
        }
      }
    }
  }
}

TEST(RefEmbedding, AddsTokensAndPositions) {
  Device device;
  const std::vector<std::int32_t> ids{2, 0, 1, 1};
  const Tensor y = embedding(device.ctx, device.ctx.upload(ids, {2, 2}), weight({3, 2}, {1, 2, 3, 4, 5, 6}),
                             Vector({10, 20, 30, 40, 50, 60}));
  EXPECT_EQ(y.shape(), (Shape{2, 2, 2}));
  EXPECT_EQ(device.values(y), (Floats{15, 26, 31, 42, 13, 24, 33, 44}));
}

TEST(RefConcat, PutsChannelsSideBySide) {
  Device device;
  const Tensor a = device.tensor({2, 1, 2}, {1, 2, 3, 4}), b = device.tensor({2, 1, 1}, {5, 6});
  const Tensor y = concat(device.ctx, a, b);
  EXPECT_EQ(y.shape(), (Shape{2, 1, 3}));
  EXPECT_EQ(device.values(y), (Floats{1, 2, 5, 3, 4, 6}));
}

TEST(RefUpsample, RepeatsTheNearest) {
  Device device;
  const Tensor x = device.tensor({1, 2, 2, 1}, {1, 2, 3, 4});
  EXPECT_EQ(device.values(upsample(device.ctx, x, 4, 4)), (Floats{1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4}));
  // floor(i * 2 / 3) is 0, 0, 1.
  EXPECT_EQ(device.values(upsample(device.ctx, x, 3, 3)), (Floats{1, 1, 2, 1, 1, 2, 3, 3, 4}));
}

TEST(Ref, GivesTheSameForAnyNumberOfThreads) {
  Device device;
  Random random(11);
  const Tensor x = device.tensor({37, 64}, random.normals(37 * 64));
  const Weight w = weight({48, 64}, random.normals(48 * 64));
  const int before = threads();
  set_threads(1);
  const Floats alone = device.values(linear(device.ctx, x, w, {.activation = Activation::gelu}));
  set_threads(3);
  EXPECT_EQ(device.values(linear(device.ctx, x, w, {.activation = Activation::gelu})), alone);
  set_threads(before);
}

TEST(Ref, DeclinesTypesThatAreNotActivations) {
  Device device;
  expect_error(ErrorCode::unsupported, "activate: nothing computes 3 i32 -> f32 none; ref: reads f32, bf16 and f16",
               [&] { cast(device.ctx, device.ctx.tensor({3}, DType::i32), DType::f32); });
  expect_error(ErrorCode::unsupported, "ref: writes f32, bf16 and f16, not u8",
               [&] { cast(device.ctx, device.ctx.tensor({3}, DType::f32), DType::u8); });
}

TEST(HostBackend, LendsAlignedMemoryOfItsOwn) {
  HostBackend backend("test", DType::bf16);
  EXPECT_TRUE(backend.host());
  EXPECT_FALSE(backend.dry());
  EXPECT_EQ(backend.preferred_type(), DType::bf16);
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{4097}, std::size_t{5} << 20}) {
    const Buffer buffer = backend.allocate(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.get()) % Arena::alignment, 0u);
    if (bytes) std::memset(buffer.get(), 1, bytes);
  }
  const Buffer buffer = backend.allocate(4);
  const std::array<std::byte, 4> out{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  std::array<std::byte, 4> in{};
  backend.upload(out, buffer.get());
  backend.download(buffer.get(), in);
  EXPECT_EQ(in, out);
}

TEST(HostBackend, SaysWhenMemoryIsExhausted) {
  HostBackend backend("test", DType::f32);
  expect_error(ErrorCode::out_of_memory, "test: the system has no", [&] { backend.allocate(SIZE_MAX / 4); });
  EXPECT_NE(backend.allocate(100), nullptr);
}

}  // namespace
}  // namespace sumi::test
