// The way from an op to its implementation.

#include "ops/dispatch.h"

#include <gtest/gtest.h>

#include "backend/device.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

TEST(Dispatch, CountsTheWork) {
  Device device;
  const Tensor x = device.ctx.tensor({7, 3});
  linear(device.ctx, x, weight({5, 3}, std::vector<float>(15)));
  EXPECT_EQ(device.ctx.flops, 2.0 * 7 * 3 * 5);
  activate(device.ctx, x, Activation::silu);
  EXPECT_EQ(device.ctx.flops, 2.0 * 7 * 3 * 5 + 21);
}

TEST(Dispatch, StopsOnRequestBeforeTheNextOp) {
  Device device;
  std::atomic<bool> stop = false;
  device.ctx.stop = &stop;
  const Tensor x = device.ctx.tensor({4});
  activate(device.ctx, x, Activation::silu);
  const double before = device.ctx.flops;
  const std::size_t used = device.arena.used();
  stop = true;
  expect_error(ErrorCode::cancelled, "stopped on request", [&] { activate(device.ctx, x, Activation::silu); });
  EXPECT_EQ(device.ctx.flops, before);
  EXPECT_EQ(device.arena.used(), used);
  stop = false;
  activate(device.ctx, x, Activation::silu);
}

TEST(Dispatch, RecordsShapesAndImplementation) {
  Device device;
  Trace trace;
  device.ctx.trace = &trace;
  const Tensor x = device.ctx.tensor({7, 3});
  {
    const Trace::Span layer(&trace, "layer", "first");
    linear(device.ctx, x, weight({5, 3}, std::vector<float>(15)));
  }
  ASSERT_EQ(trace.events().size(), 2u);
  const Trace::Event& event = trace.events()[1];
  EXPECT_EQ(event.category, "op");
  EXPECT_EQ(event.name, "linear");
  EXPECT_EQ(event.shapes, "7x3 -> 5 f32");
  EXPECT_EQ(event.implementation, "ref");
  EXPECT_EQ(event.flops, 2.0 * 7 * 3 * 5);
  EXPECT_GT(event.seconds, 0);
}

TEST(Dispatch, KeepsAndFreesTensorsWithTheirBlocks) {
  Device device;
  Tensor x = device.tensor({1000}, std::vector<float>(1000, 1));
  Tensor y = activate(device.ctx, x, Activation::relu);
  EXPECT_EQ(device.arena.used(), 2 * 4032u);  // 4000 bytes in blocks of 64
  const Tensor part = y.slice(10, 20);
  x = y = {};
  EXPECT_EQ(device.arena.used(), 4032u);
  EXPECT_EQ(device.values(part), std::vector<float>(10, 1));
}

TEST(Context, CarriesValuesToTheDeviceAndBack) {
  Device device;
  device.ctx.type = DType::bf16;
  const Tensor x = device.tensor({2, 2}, {1.5f, -2, 3.25f, 0});
  EXPECT_EQ(x.dtype(), DType::f32);
  EXPECT_EQ(device.ctx.tensor({2}).dtype(), DType::bf16);
  EXPECT_EQ(device.values(x), (std::vector<float>{1.5f, -2, 3.25f, 0}));
  EXPECT_EQ(device.values(cast(device.ctx, x, DType::f16)), (std::vector<float>{1.5f, -2, 3.25f, 0}));
}

}  // namespace
}  // namespace sumi::test
