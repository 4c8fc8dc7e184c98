// A dry run must say exactly what the run will need.

#include "backend/meta/meta.h"

#include <gtest/gtest.h>

#include "device.h"
#include "memory.h"
#include "ops/all.h"
#include "ops/dispatch.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

/// The reference with scratch memory, which it fills.
class Scratchy final : public Implementation<LinearOp> {
 public:
  std::string_view name() const override { return "scratchy"; }
  Decision plan(const LinearOp::Case& c) const override {
    Plan plan = std::get<Plan>(ref().plan(c));
    plan.scratch_bytes = static_cast<std::size_t>(c.rows * c.in) * 100 + 1;
    return plan;
  }
  void pack(const LinearOp::Case& c, const Plan& plan, const Source& source, std::byte* to) const override {
    ref().pack(c, plan, source, to);
  }
  void run(const LinearOp::Case& c, const Plan& plan, const LinearOp::Args& args, std::byte* scratch) const override {
    std::memset(scratch, 0xff, plan.scratch_bytes);
    ref().run(c, plan, args, scratch);
  }

 private:
  const Implementation<LinearOp>& ref() const { return *backend_->operations().list<LinearOp>().front(); }
  std::unique_ptr<Backend> backend_ = make_ref_backend();
};

std::unique_ptr<Backend> make_scratchy() {
  auto backend = std::make_unique<HostBackend>("scratchy", DType::f32);
  backend->operations().add<LinearOp>(std::make_unique<Scratchy>());
  add_ref(backend->operations());
  return backend;
}

/// A small resnet block and an attention: tensors that live long, that go early, and scratch.
struct Chain {
  static constexpr std::int64_t channels = 12, side = 6;

  std::vector<float> run(Context& ctx) const {
    const Tensor timestep = ctx.upload(std::vector<float>{10, 500}, {2});
    const Tensor row = linear(ctx, sinusoid(ctx, timestep, 2 * channels), time, {.activation = Activation::silu});
    Tensor x = ctx.upload(picture, {2, side, side, channels});
    Tensor h = conv2d(ctx, group_norm(ctx, x, scale, shift, 4, 1e-5, Activation::silu), convolution,
                      {.bias = &shift, .row = row, .residual = x});
    x = {};
    const Tensor tokens = h.reshape({2, side * side, channels});
    const Tensor qkv = linear(ctx, layer_norm(ctx, tokens, scale, shift, 1e-5), projection);
    const auto part = [&](std::int64_t i) { return qkv.columns(i * channels, (i + 1) * channels); };
    h = linear(ctx, attention(ctx, part(0), part(1), part(2), 3), gates,
               {.activation = Activation::gelu, .gated = true})
            .reshape({2, side, side, channels});
    return ctx.download(guide(ctx, upsample(ctx, concat(ctx, h, h), 9, 9), 7.5));
  }

  Random random{1};
  Vector scale{random.normals(channels)}, shift{random.normals(channels)};
  std::vector<float> picture = random.normals(2 * side * side * channels);
  Weight time = weight({channels, 2 * channels}, random.normals(2 * channels * channels));
  Weight convolution = weight({channels, channels, 3, 3}, random.normals(9 * channels * channels));
  Weight projection = weight({3 * channels, channels}, random.normals(3 * channels * channels));
  Weight gates = weight({2 * channels, channels}, random.normals(2 * channels * channels));
  static constexpr std::size_t weight_bytes = (2 + 9 + 3 + 2) * channels * channels * sizeof(float);
};

TEST(Meta, GivesThePeakTheWeightsAndTheFlopsOfTheRun) {
  const auto target = make_scratchy();
  const auto meta = make_meta_backend(*target);
  const Chain chain;
  Arena dry = Arena::dry();
  Context planned{*meta, dry};
  EXPECT_EQ(chain.run(planned), std::vector<float>(9 * 9 * 2 * Chain::channels));
  EXPECT_EQ(dry.used(), 0u);
  EXPECT_EQ(*target->booked(), Chain::weight_bytes);

  Arena exact(target->allocate(dry.peak()), dry.peak());
  Context ctx{*target, exact};
  const std::vector<float> y = chain.run(ctx);
  EXPECT_EQ(exact.peak(), dry.peak());
  EXPECT_EQ(ctx.flops, planned.flops);
  EXPECT_EQ(*target->booked(), Chain::weight_bytes);
  EXPECT_GT(*std::max_element(y.begin(), y.end()), 0);

  Device roomy;  // the plain backend, other memory: the same picture
  EXPECT_EQ(Chain().run(roomy.ctx), y);
}

TEST(Meta, PeakIsTheLeastThatTheRunFitsIn) {
  const auto target = make_scratchy();
  const auto meta = make_meta_backend(*target);
  const Chain chain;
  Arena dry = Arena::dry();
  Context planned{*meta, dry};
  chain.run(planned);
  const std::size_t less = dry.peak() - Arena::alignment;
  Arena tight(target->allocate(less), less);
  Context ctx{*target, tight};
  expect_error(ErrorCode::out_of_memory, "exceed the planned", [&] { chain.run(ctx); });
  EXPECT_EQ(tight.used(), 0u);
}

/// Ones, and how often they were asked for.
class Counted final : public Source {
 public:
  explicit Counted(Shape shape) : Source(shape, DType::f32) {}
  void read(std::int64_t, std::span<float> out) const override {
    ++reads;
    std::fill(out.begin(), out.end(), 1.0f);
  }
  mutable std::atomic<int> reads = 0;
};

TEST(Meta, PacksForTheRunOnlyWhereAsked) {
  for (const Packing packing : {Packing::booked, Packing::real}) {
    Device device;
    const auto source = std::make_shared<Counted>(Shape{5, 3});
    const Weight w(source);
    const auto meta = make_meta_backend(*device.backend, packing);
    Arena dry = Arena::dry();
    Context planned{*meta, dry};
    linear(planned, planned.tensor({7, 3}), w);
    EXPECT_EQ(source->reads, packing == Packing::real ? 1 : 0);
    EXPECT_EQ(*device.backend->booked(), 15 * sizeof(float));
    const Tensor y = linear(device.ctx, device.tensor({7, 3}, std::vector<float>(21, 2)), w);
    EXPECT_EQ(source->reads, 1);
    EXPECT_EQ(*device.backend->booked(), 15 * sizeof(float));
    EXPECT_EQ(device.values(y), std::vector<float>(35, 6));
  }
}

TEST(Meta, SpeaksForItsTarget) {
  HostBackend target("test", DType::bf16);
  add_ref(target.operations());
  const auto meta = make_meta_backend(target);
  EXPECT_TRUE(meta->dry());
  EXPECT_TRUE(meta->host());
  EXPECT_EQ(meta->preferred_type(), DType::bf16);
  EXPECT_EQ(&meta->operations(), &target.operations());
  EXPECT_EQ(meta->booked(), target.booked());
  EXPECT_EQ(meta->allocate(100), nullptr);
}

}  // namespace
}  // namespace sumi::test
