#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backend/meta/meta.h"
#include "backend/ref/host.h"
#include "ops/context.h"
#ifdef SUMI_TEST_CPU
#include "backend/cpu/cpu.h"
#endif

namespace sumi::test {

/// The host backends of this build by name, for tests that hold on all of them.
inline std::vector<std::string> host_backends() {
#ifdef SUMI_TEST_CPU
  return {"ref", "cpu"};
#else
  return {"ref"};
#endif
}

inline std::unique_ptr<Backend> make_host_backend(const std::string& name) {
#ifdef SUMI_TEST_CPU
  if (name == "cpu") return make_cpu_backend();
#endif
  EXPECT_EQ(name, "ref");
  return make_ref_backend();
}

using Body = std::function<Tensor(Context&)>;

struct Booked {
  std::size_t bytes;
  double flops;
};

inline Booked dry_run(Backend& backend, const Body& body, DType type = DType::f32) {
  const auto meta = make_meta_backend(backend);
  Arena arena = Arena::dry();
  Context ctx{.backend = *meta, .arena = arena, .type = type};
  body(ctx);
  return {arena.peak(), ctx.flops};
}

/// Runs `body` dry, then in an arena of exactly the size booked, which must be all it needs and uses; the values of the
/// tensor that it returns.
inline std::vector<float> run(Backend& backend, const Body& body, DType type = DType::f32) {
  const Booked booked = dry_run(backend, body, type);
  Arena arena(backend.allocate(booked.bytes), booked.bytes);
  Context ctx{.backend = backend, .arena = arena, .type = type};
  const auto values = ctx.download(body(ctx));
  EXPECT_EQ(arena.peak(), booked.bytes);
  EXPECT_EQ(arena.used(), 0u);
  EXPECT_EQ(ctx.flops, booked.flops);
  return values;
}

}  // namespace sumi::test
