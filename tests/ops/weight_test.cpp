// Packed forms of weights: once per layout, booked as long as they are held.

#include "ops/weight.h"

#include <gtest/gtest.h>

#include "backend/device.h"
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
  Count count;
  const Fake<LinearOp> a("a", {}, &count), b("b", {}, &count);
  const Weight w = weight({2, 4}, std::vector<float>(8));
  const std::byte* first = w.packed<LinearOp>(backend, a_product, {&a, plan("rows", 40)});
  EXPECT_EQ(first[39], std::byte{'a'});
  EXPECT_EQ(w.packed<LinearOp>(backend, a_product, {&b, plan("rows", 40)}), first);
  EXPECT_EQ(count.packed, 1);
  EXPECT_EQ(*backend.booked(), 40u);
  const std::byte* second = w.packed<LinearOp>(backend, a_product, {&b, plan("tiles", 64)});
  EXPECT_EQ(second[63], std::byte{'b'});
  EXPECT_EQ(w.packed<LinearOp>(backend, a_product, {&a, plan("rows", 40)}), first);
  EXPECT_EQ(count.packed, 2);
  EXPECT_EQ(*backend.booked(), 104u);
}

TEST(Weight, ReleasesAndPacksAgain) {
  HostBackend backend("test", DType::f32);
  Count count;
  const Fake<LinearOp> a("a", {}, &count);
  {
    const Weight w = weight({2, 4}, std::vector<float>(8));
    w.packed<LinearOp>(backend, a_product, {&a, plan("rows", 40)});
    w.release();
    EXPECT_EQ(*backend.booked(), 0u);
    w.packed<LinearOp>(backend, a_product, {&a, plan("rows", 40)});
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
  Count count;
  const Fake<LinearOp> a("a", {}, &count);
  const auto source = std::make_shared<Changing>();
  const Weight w{source};
  const std::byte* first = w.packed<LinearOp>(backend, a_product, {&a, plan("rows", 40)});
  w.packed<LinearOp>(backend, a_product, {&a, plan("tiles", 40)});
  EXPECT_EQ(count.packed, 2);
  source->changes = 1;
  EXPECT_EQ(w.packed<LinearOp>(backend, a_product, {&a, plan("rows", 40)}), first);
  EXPECT_EQ(w.packed<LinearOp>(backend, a_product, {&a, plan("rows", 40)}), first);
  EXPECT_EQ(count.packed, 3);
  EXPECT_EQ(source->preparations, 3);
  EXPECT_EQ(*backend.booked(), 80u);
}

TEST(Weight, GoesToADeviceByUpload) {
  FarBackend backend;
  const Fake<LinearOp> a("a", {});
  const Weight w = weight({2, 4}, std::vector<float>(8));
  EXPECT_EQ(w.packed<LinearOp>(backend, a_product, {&a, plan("rows", 40)})[39], std::byte{'a'});
  EXPECT_EQ(backend.uploads, 1);
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
