// Packed forms of weights: once per layout, booked as long as they are held.

#include "ops/weight.h"

#include <array>
#include <cstring>
#include <utility>

#include <gtest/gtest.h>

#include "backend/device.h"
#include "backend/meta/meta.h"
#include "fake.h"
#include "ops/linear.h"

namespace sumi::test {
namespace {

/// A device whose memory host code may not touch.
class FarBackend final : public HostBackend {
 public:
  FarBackend() : HostBackend("far", DType::f32) {}
  bool host() const override { return false; }
  void fill(std::byte* to, std::size_t bytes, const std::function<void(std::byte*)>& write) override {
    ++uploads;
    HostBackend::fill(to, bytes, write);
  }
  int uploads = 0;
};

const LinearOp::Case a_product{.rows = 1, .in = 4, .out = 2};
Plan plan(std::string layout, std::size_t bytes) { return {.layout = std::move(layout), .packed_bytes = bytes}; }

TEST(Weight, PacksOncePerLayout) {
  HostBackend backend("test", DType::f32);
  Arena arena = Arena::dry();
  Context ctx{.backend = backend, .arena = arena};
  Count count;
  const Fake<LinearOp> a("a", {}, &count), b("b", {}, &count);
  const Weight w = weight({2, 4}, std::vector<float>(8));
  const std::byte* first = w.packed<LinearOp>(ctx, a_product, {&a, plan("rows", 40)});
  EXPECT_EQ(first[39], std::byte{'a'});
  EXPECT_EQ(w.packed<LinearOp>(ctx, a_product, {&b, plan("rows", 40)}), first);
  EXPECT_EQ(count.packed, 1);
  EXPECT_EQ(*backend.booked(), 40u);
  const std::byte* second = w.packed<LinearOp>(ctx, a_product, {&b, plan("tiles", 64)});
  EXPECT_EQ(second[63], std::byte{'b'});
  EXPECT_EQ(w.packed<LinearOp>(ctx, a_product, {&a, plan("rows", 40)}), first);
  EXPECT_EQ(count.packed, 2);
  EXPECT_EQ(*backend.booked(), 104u);
}

TEST(Weight, ReleasesAndPacksAgain) {
  HostBackend backend("test", DType::f32);
  Arena arena = Arena::dry();
  Context ctx{.backend = backend, .arena = arena};
  Count count;
  const Fake<LinearOp> a("a", {}, &count);
  {
    const Weight w = weight({2, 4}, std::vector<float>(8));
    w.packed<LinearOp>(ctx, a_product, {&a, plan("rows", 40)});
    w.release();
    EXPECT_EQ(*backend.booked(), 0u);
    w.packed<LinearOp>(ctx, a_product, {&a, plan("rows", 40)});
    EXPECT_EQ(count.packed, 2);
    EXPECT_EQ(*backend.booked(), 40u);
  }
  EXPECT_EQ(*backend.booked(), 0u);
}

/// Values that change between runs, as an adapter's do.
class Changing final : public Source {
 public:
  Changing() : Source({2, 4}, DType::f32) {}
  void read(std::int64_t, std::span<float> out) const override { std::fill(out.begin(), out.end(), value); }
  std::uint64_t revision() const override { return changes; }
  std::shared_ptr<const Source> prepared(DType) const override {
    ++preparations;
    return nullptr;
  }
  float value = 1;
  std::uint64_t changes = 0;
  mutable int preparations = 0;
};

TEST(Weight, PacksAgainIntoTheSameMemoryWhenValuesHaveChanged) {
  HostBackend backend("test", DType::f32);
  Arena arena = Arena::dry();
  Context ctx{.backend = backend, .arena = arena};
  Count count;
  const Fake<LinearOp> a("a", {}, &count);
  const auto source = std::make_shared<Changing>();
  const Weight w{source};
  const std::byte* first = w.packed<LinearOp>(ctx, a_product, {&a, plan("rows", 40)});
  w.packed<LinearOp>(ctx, a_product, {&a, plan("tiles", 40)});
  EXPECT_EQ(count.packed, 2);
  source->changes = 1;
  EXPECT_EQ(w.packed<LinearOp>(ctx, a_product, {&a, plan("rows", 40)}), first);
  EXPECT_EQ(w.packed<LinearOp>(ctx, a_product, {&a, plan("rows", 40)}), first);
  EXPECT_EQ(count.packed, 3);
  EXPECT_EQ(source->preparations, 3);
  EXPECT_EQ(*backend.booked(), 80u);
}

TEST(Weight, GoesToADeviceByUpload) {
  FarBackend backend;
  Arena arena = Arena::dry();
  Context ctx{.backend = backend, .arena = arena};
  const Fake<LinearOp> a("a", {});
  const Weight w = weight({2, 4}, std::vector<float>(8));
  EXPECT_EQ(w.packed<LinearOp>(ctx, a_product, {&a, plan("rows", 40)})[39], std::byte{'a'});
  EXPECT_EQ(backend.uploads, 1);
}

/// A device that adds products, and counts.
class AddingBackend final : public HostBackend {
 public:
  AddingBackend() : HostBackend("adding", DType::f32) { add_ref(operations()); }
  bool merges(std::size_t) const override { return room; }
  void fill(std::byte* to, std::size_t bytes, const std::function<void(std::byte*)>& write) override {
    filled += bytes;
    HostBackend::fill(to, bytes, write);
  }
  bool room = true;
  std::size_t filled = 0;
};

/// Packs float32 rows as they are.
class Rows final : public Fake<LinearOp> {
 public:
  Rows() : Fake("rows", {}) {}
  void pack(const LinearOp::Case&, const Plan&, const Source& source, std::byte* to) const override {
    const std::vector<float> values = read_all(source);
    std::memcpy(to, values.data(), values.size() * sizeof(float));
  }
};

/// (2, 3) values plus `scale` times a product of rank 1.
class Summed final : public Source {
 public:
  Summed() : Source({2, 3}, DType::f32) {}
  void read(std::int64_t first, std::span<float> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto at = static_cast<std::size_t>(first) + i;
      out[i] = base[at] + up->scale * ups[at / 3] * downs[at % 3];
    }
  }
  std::uint64_t revision() const override { return up->changes; }
  LowRankSum sum() const override {
    const auto values = [](Shape shape, const auto& v) { return values_source(shape, {v.begin(), v.end()}); };
    if (!base_source) base_source = values({2, 3}, base), down = values({1, 3}, downs);
    if (up->scale == 0) return {base_source, {}};
    return {base_source, {{.row = 0, .down = down, .up = up}}};
  }

  static constexpr std::array base{1.f, 2.f, 3.f, 4.f, 5.f, 6.f}, downs{1.f, 10.f, 100.f};
  static constexpr std::array ups{1.f, 2.f};
  struct Up final : Source {
    Up() : Source({2, 1}, DType::f32) {}
    void read(std::int64_t first, std::span<float> out) const override {
      for (float& value : out) value = scale * ups[static_cast<std::size_t>(first++)];
    }
    std::uint64_t revision() const override { return changes; }
    float scale = 0;
    std::uint64_t changes = 0;
  };
  std::shared_ptr<Up> up = std::make_shared<Up>();
  mutable SourcePtr base_source, down;
};

struct Adding {
  /// A weight of 2 x 3 after `scale` was set.
  std::vector<float> values(float scale) {
    if (scale != source->up->scale) ++source->up->changes;
    source->up->scale = scale;
    Arena dry = Arena::dry();
    Context planned{.backend = *meta, .arena = dry};
    weight.packed<LinearOp>(planned, product, {&rows, plan});
    Arena arena(backend.allocate(dry.peak() + 1), dry.peak());
    Context ctx{.backend = backend, .arena = arena};
    const auto* packed = reinterpret_cast<const float*>(weight.packed<LinearOp>(ctx, product, {&rows, plan}));
    EXPECT_EQ(weight.packed<LinearOp>(ctx, product, {&rows, plan}), reinterpret_cast<const std::byte*>(packed));
    EXPECT_EQ(ctx.flops, 0);
    return {packed, packed + 6};
  }
  /// Bytes that the last change sent to the device.
  std::size_t sent() { return std::exchange(backend.filled, 0); }

  AddingBackend backend;
  std::unique_ptr<Backend> meta = make_meta_backend(backend);
  std::shared_ptr<Summed> source = std::make_shared<Summed>();
  Weight weight{source};
  Rows rows;
  const LinearOp::Case product{.rows = 1, .in = 3, .out = 2};
  const Plan plan{.layout = "rows", .packed_bytes = 24, .packs_rows = true};
};

TEST(Weight, AddsProductsOnTheDevice) {
  Adding made;
  const std::vector<float> base(Summed::base.begin(), Summed::base.end());
  EXPECT_EQ(made.values(0), base);
  EXPECT_EQ(made.sent(), 24u);
  EXPECT_EQ(*made.backend.booked(), 24u);
  EXPECT_EQ(made.values(1), (std::vector<float>{2, 12, 103, 6, 25, 206}));
  EXPECT_EQ(made.sent(), 8u + 12) << "the factors, not the weight";
  EXPECT_EQ(*made.backend.booked(), 2 * 24u + 8 + 12);
  EXPECT_EQ(made.values(-1), (std::vector<float>{0, -8, -97, 2, -15, -194}));
  EXPECT_EQ(made.sent(), 8u) << "up alone";
  EXPECT_EQ(made.values(0), base);
  EXPECT_EQ(made.sent(), 0u);
  EXPECT_EQ(*made.backend.booked(), 24u);
}

TEST(Weight, IsPackedWithItsProductsWhereThereIsNoRoomForBoth) {
  Adding made;
  made.backend.room = false;
  made.values(0);
  EXPECT_EQ(made.values(1), (std::vector<float>{2, 12, 103, 6, 25, 206}));
  EXPECT_EQ(made.sent(), 2 * 24u);
  EXPECT_EQ(*made.backend.booked(), 24u);
  EXPECT_EQ(made.values(0), std::vector<float>(Summed::base.begin(), Summed::base.end()));
  EXPECT_EQ(made.sent(), 24u);
}

TEST(Vector, LiesWhereItIsOnAHostAndIsUploadedOnceToADevice) {
  const Vector vector({1, 2, 3});
  HostBackend host("test", DType::f32);
  EXPECT_EQ(vector.on(host).data<float>(), vector.values().data());
  EXPECT_EQ(*host.booked(), 0u);

  FarBackend far;
  const Tensor there = vector.on(far);
  EXPECT_EQ(there.shape(), Shape{3});
  EXPECT_EQ(there.data<float>()[2], 3);
  EXPECT_NE(there.raw(), reinterpret_cast<const std::byte*>(vector.values().data()));
  EXPECT_EQ(vector.on(far).raw(), there.raw());
  EXPECT_EQ(far.uploads, 1);
  EXPECT_EQ(*far.booked(), 12u);
}

TEST(Vector, IsAbsentWhenEmpty) {
  HostBackend host("test", DType::f32);
  EXPECT_FALSE(Vector());
  EXPECT_FALSE(Vector().on(host));
}

}  // namespace
}  // namespace sumi::test
