// Weights that come from the host's memory as they are needed, under every limit and in every order: the same values
// as without a limit, bit for bit, in no more memory.

#include <array>
#include <cstdlib>
#include <numeric>

#include <gtest/gtest.h>

#include "backend/cuda/cuda.h"
#include "backend/meta/meta.h"
#include "core/check.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "support/gpu.h"
#include "support/limit.h"
#ifdef SUMI_CUDA_ON_HOST
#include "emulator/control.h"
#endif

namespace sumi::test {
namespace {

/// Values of some seed, which can be changed as an adapter changes them.
class Changing final : public Source {
 public:
  Changing(Shape shape, std::uint64_t number) : Source(shape, DType::f32), seed(number) {}
  void read(std::int64_t first, std::span<float> out) const override {
    for (float& each : out) {
      std::uint64_t bits = (seed << 32) + static_cast<std::uint64_t>(first++);
      bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
      bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
      each = static_cast<float>(static_cast<double>(bits >> 40) / (1 << 24) - 0.5) / 4;
    }
  }
  std::uint64_t revision() const override { return changes; }

  std::uint64_t seed, changes = 0;
};

constexpr std::int64_t rows = 3;

/// Linears one after the other, of different sizes.
struct Chain {
  Chain(std::vector<std::int64_t> sizes, std::uint64_t seed) : widths(std::move(sizes)) {
    for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
      sources.push_back(std::make_shared<Changing>(Shape{widths[i + 1], widths[i]}, seed + i));
      layers.emplace_back(sources.back());
      biases.emplace_back(std::vector<float>(static_cast<std::size_t>(widths[i + 1]), 0.125f));
    }
  }

  /// From x into y. With `few`, without layers that leave the width as it is.
  void operator()(Context& ctx, const Tensor& x, const Tensor& y, bool few = false) const {
    Tensor h = x;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (!few || widths[i] != widths[i + 1]) h = linear(ctx, h, layers[i], {.bias = &biases[i]});
    }
    combine(ctx, std::array{Term{1, h}}, {.into = y});
  }
  void change(std::uint64_t seed) const {
    for (std::size_t i = 0; i < sources.size(); i += 2) {
      sources[i]->seed = seed + i;
      ++sources[i]->changes;
    }
  }

  std::vector<std::int64_t> widths;
  std::vector<std::shared_ptr<Changing>> sources;
  std::vector<Weight> layers;
  std::vector<Vector> biases;
};

/// A text encoder, a UNet with steps of two kinds, and a decoder, as far as the order of their weights goes.
struct Model {
  Chain text{{64, 190, 64}, 1};
  Chain unet{{64, 128, 128, 33, 33, 33, 220, 64, 64, 64}, 100};
  Chain decoder{{64, 17, 65, 64}, 200};
};

/// What a pipeline does with a model, on a backend of its own.
class Pipeline {
 public:
  explicit Pipeline(const Model& model, std::size_t limit = 0)
      : model_(model), backend_(make_cuda_backend({.memory = limit})) {
    plan();
    backend_->make_room(capacity + tensors);
    arena_.emplace(backend_->allocate(capacity), capacity);
    memory_ = backend_->allocate(tensors);
    for (std::size_t i = 0; i < 3; ++i) {
      tensors_[i] = Tensor::wrap(memory_.get() + i * tensors / 3, {rows, 64}, DType::f32);
    }
    pack();
  }

  /// Dry, the text first: weights are asked for in this order.
  void plan() const { dry(*make_meta_backend(*backend_)); }
  void pack() const { dry(*make_meta_backend(*backend_, Packing::real)); }

  /// Text, then `steps` of which the first of each kind is computed, the second recorded, and all else replayed; some
  /// previews between, and the decoder. All that can be seen on the way.
  std::vector<float> run(int steps, bool records) {
    std::vector<float> seen;
    const auto look = [&](const Tensor& y) {
      const auto values = context().download(y);
      seen.insert(seen.end(), values.begin(), values.end());
    };
    upload(1);
    compute(model_.text, x(), prompt());
    look(prompt());
    std::array<std::unique_ptr<Recording>, 2> kinds;
    std::array<int, 2> calls{};
    for (int i = 0; i < steps; ++i) {
      if (i % 4 == 1) upload(i);
      const bool few = i % 3 == 2;
      const auto step = [&] {
        compute(model_.unet, x(), y(), few);
        Context ctx = context();
        combine(ctx, std::array{Term{0.5, x()}, Term{1, y()}, Term{0.25, prompt()}}, {.into = x()});
      };
      auto& recording = kinds[few];
      if (recording && !recording->current()) recording.reset();
      if (!records || calls[few]++ == 0) {
        step();
      } else {
        if (!recording) recording = backend_->record(step);
        recording->replay();
      }
      if (i % 5 == 4) compute(model_.decoder, x(), y()), look(y());
    }
    compute(model_.decoder, x(), y());
    look(y());
    return seen;
  }

  void run_text_once() { compute(model_.text, x(), prompt()); }
  void run_unet_once(bool few = false) { compute(model_.unet, x(), y(), few); }
  void begin() { upload(1); }
  std::vector<float> seen() { return context().download(y()); }

  Backend& backend() { return *backend_; }
  static constexpr std::size_t capacity = 16 << 10, tensors = 3 * rows * 64 * sizeof(float);

 private:
  Context context() { return {.backend = *backend_, .arena = *arena_}; }
  const Tensor& x() const { return tensors_[0]; }
  const Tensor& y() const { return tensors_[1]; }
  const Tensor& prompt() const { return tensors_[2]; }

  void upload(int number) {
    std::vector<float> values(rows * 64);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>((i * 37 + number * 11) % 19) - 9;
    backend_->upload(std::as_bytes(std::span(values)), x().raw());
  }
  void compute(const Chain& chain, const Tensor& from, const Tensor& to, bool few = false) {
    Context ctx = context();
    chain(ctx, from, to, few);
  }
  void dry(Backend& meta) const {
    Arena arena = Arena::dry();
    Context ctx{.backend = meta, .arena = arena};
    const Tensor wide = ctx.tensor({rows, 64});
    model_.text(ctx, wide, wide);
    ctx.need = Need::often;
    model_.unet(ctx, wide, wide);
    model_.unet(ctx, wide, wide, true);
    ctx.need = Need::once;
    model_.decoder(ctx, wide, wide);
    EXPECT_LE(arena.peak(), capacity);
  }

  const Model& model_;
  std::unique_ptr<Backend> backend_;
  std::optional<Arena> arena_;
  Buffer memory_;
  std::array<Tensor, 3> tensors_;
};

std::size_t least_limit(const Model& model) {
  try {
    Pipeline(model, 1);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    EXPECT_GT(least_limit_in(error.what()), 0u) << error.what();
    return least_limit_in(error.what());
  }
  ADD_FAILURE();
  return 0;
}

/// Whether copies run as late as they may, or as early.
class CudaOffload : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!has_gpu()) GTEST_SKIP() << "needs an NVIDIA GPU";
    setenv("CUDA_ON_HOST_STREAMS", GetParam(), 1);
  }
  void TearDown() override {
    unsetenv("CUDA_ON_HOST_STREAMS");
    keep_within(std::size_t{8} << 30);
  }
  /// On a GPU the tests go without.
  static void keep_within([[maybe_unused]] std::size_t limit) {
#ifdef SUMI_CUDA_ON_HOST
    cuda_on_host::set_memory_limit(limit);
#endif
  }
  static std::vector<std::size_t> limits(const Model& model) {
    const std::size_t least = least_limit(model);
    std::vector<std::size_t> all;
    for (std::size_t more = 0; more < 600000; more = more * 3 / 2 + 1000) all.push_back(least + more);
    return all;
  }
};

TEST_P(CudaOffload, GivesTheSameUnderEveryLimitInNoMoreMemory) {
  const Model model;
  const auto expected = Pipeline(Model()).run(23, false);
  ASSERT_EQ(Pipeline(Model()).run(23, true), expected);
  bool some = false, none = false;
  for (const std::size_t limit : limits(Model())) {
    keep_within(limit);
    const Model mine;
    Pipeline pipeline(mine, limit);
    const Offload offload = pipeline.backend().offload();
    some |= offload.weights > 0;
    none |= offload.weights == 0;
    EXPECT_EQ(offload.weights > 0, offload.room > 0);
    EXPECT_EQ(pipeline.run(23, false), expected) << limit;
    for (int i = 0; i < 2; ++i) EXPECT_EQ(pipeline.run(23, true), expected) << limit;
  }
  EXPECT_TRUE(some && none);
}

TEST_P(CudaOffload, WeightsThatChangeAreReadAnew) {
  const Model model;
  const auto change = [](const Model& of, std::uint64_t seed) {
    of.unet.change(seed);
    of.decoder.change(seed + 50);
  };
  std::vector<std::vector<float>> expected;
  {
    const Model mine;
    Pipeline pipeline(mine);
    for (std::uint64_t i = 0; i < 3; ++i) {
      change(mine, 1000 * i);
      pipeline.pack();
      expected.push_back(pipeline.run(9, true));
    }
  }
  ASSERT_NE(expected[0], expected[1]);
  for (const std::size_t limit : limits(Model())) {
    keep_within(limit);
    const Model mine;
    Pipeline pipeline(mine, limit);
    for (std::uint64_t i = 0; i < 3; ++i) {
      change(mine, 1000 * i);
      if (i != 1) pipeline.pack();  // else as an op first needs it
      EXPECT_EQ(pipeline.run(9, i != 1), expected[i]) << limit << " " << i;
    }
  }
}

// Work that is queued has the values that weights had when it was.
TEST_P(CudaOffload, WeightsThatChangeWaitForWhatIsQueued) {
  std::vector<float> expected;
  for (const std::size_t more : {std::size_t{0}, std::size_t{20000}, std::size_t{100000}}) {
    const Model model;
    Pipeline pipeline(model, more == 0 ? 0 : least_limit(Model()) + more);
    std::vector<float> seen;
    for (const bool recorded : {false, true}) {
      pipeline.begin();
      const auto recording = recorded ? pipeline.backend().record([&] { pipeline.run_unet_once(); }) : nullptr;
      recorded ? recording->replay() : pipeline.run_unet_once();
      model.unet.change(recorded ? 70 : 60);
      pipeline.pack();
      const auto values = pipeline.seen();
      seen.insert(seen.end(), values.begin(), values.end());
    }
    if (expected.empty()) expected = seen;
    EXPECT_EQ(seen, expected) << more;
  }
}

// As between pictures of different sizes: what else takes memory takes it from the weights, and gives it back.
TEST_P(CudaOffload, WeightsMoveAsRoomIsTakenAndLeft) {
  const auto expected = Pipeline(Model()).run(9, true);
  const std::size_t limit = least_limit(Model()) + 200000;
  keep_within(limit);
  const Model model;
  Pipeline pipeline(model, limit);
  const std::size_t usual = pipeline.backend().offload().weights;
  for (const std::size_t more : {100000u, 200000u, 30000u}) {
    const auto recording = pipeline.backend().record([&] { pipeline.run_unet_once(); });
    EXPECT_TRUE(recording->current());
    pipeline.plan();
    pipeline.backend().make_room(more);
    EXPECT_FALSE(recording->current());
    const Buffer memory = pipeline.backend().allocate(more);
    EXPECT_GT(pipeline.backend().offload().weights, usual);
    EXPECT_EQ(pipeline.run(9, true), expected) << more;
    EXPECT_THROW(pipeline.backend().make_room(200001), Error);
    EXPECT_EQ(pipeline.run(9, true), expected) << more;
    EXPECT_THROW(static_cast<void>(pipeline.backend().allocate(300000)), Error);
  }
  pipeline.backend().make_room(0);
  EXPECT_EQ(pipeline.backend().offload().weights, usual);
  EXPECT_EQ(pipeline.run(9, true), expected);
}

TEST_P(CudaOffload, WeightsThatAreGivenUpLeaveTheOthersAsTheyWere) {
  const auto expected = Pipeline(Model()).run(9, true);
  const std::size_t limit = least_limit(Model()) + 100000;
  const Model model;
  Pipeline pipeline(model, limit);
  EXPECT_EQ(pipeline.run(9, true), expected);
  // While copies of some are queued that no work waits for.
  pipeline.begin();
  pipeline.run_text_once();
  for (const Chain* chain : {&model.text, &model.unet, &model.decoder}) {
    for (std::size_t i = 0; i < chain->layers.size(); i += chain == &model.text ? 2 : 1) chain->layers[i].release();
  }
  pipeline.plan();
  pipeline.backend().make_room(0);
  pipeline.pack();
  EXPECT_EQ(pipeline.run(9, true), expected);
}

// The decoder's first weight is on its way when such a step of the UNet ends.
TEST_P(CudaOffload, AWeightThatGoesWaitsForItsCopy) {
  const Model model;
  Pipeline pipeline(model, least_limit(Model()));
  pipeline.plan();
  pipeline.begin();
  pipeline.run_unet_once(true);
  model.decoder.layers.front().release();
  EXPECT_NO_THROW(pipeline.backend().finish());
}

TEST_P(CudaOffload, ARecordingThatFailsLeavesTheNextOneWhole) {
  const auto expected = Pipeline(Model()).run(9, true);
  const Model model;
  Pipeline pipeline(model, least_limit(Model()) + 20000);
  for (const bool late : {false, true}) {
    int calls = 0;
    EXPECT_THROW(pipeline.backend().record([&] {
      if (!late || ++calls == 2) fail(ErrorCode::cancelled, "stopped on request");
      pipeline.run_unet_once();
    }),
                 Error);
    EXPECT_EQ(pipeline.run(9, true), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Copies, CudaOffload, testing::Values("oldest", "newest"),
                         [](const auto& each) { return std::string(each.param); });

TEST(CudaOffloadAlone, WeightsMayOutliveTheirBackend) {
  if (!has_gpu()) GTEST_SKIP() << "needs an NVIDIA GPU";
  const std::size_t limit = least_limit(Model()) + 20000;
  const Model model;
  Pipeline(model, limit).run(3, true);
}

}  // namespace
}  // namespace sumi::test
