// What the sweep does not ask of oneDNN's implementations: which packed weights sizes share, threads, SUMI_ISA.

#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "backend/cpu/cpu.h"
#include "backend/cpu/layer_onednn.h"
#include "core/threads.h"
#include "device.h"
#include "family.h"
#include "memory.h"

namespace sumi::test {
namespace {

/// Restores the number of threads.
class Threads {
 public:
  ~Threads() { set_threads(before_); }

 private:
  int before_ = threads();
};

/// The layers of one instruction set, which the machine need not have: nothing runs.
template <class Op>
std::string first_taker(Isa isa, const typename Op::Case& c) {
  Operations operations;
  onednn::add_layer<Op>(operations, isa);
  return std::string(operations.choose<Op>(c).implementation->name());
}

template <class Op>
const Implementation<Op>& named(Operations& operations, std::string_view name) {
  const auto& list = operations.list<Op>();
  return **std::find_if(list.begin(), list.end(), [&](const auto& each) { return each->name() == name; });
}

Conv2dOp::Case convolution(std::int64_t batch, std::int64_t side, std::int64_t in, std::int64_t out, DType type) {
  return {.batch = batch,
          .height = side,
          .width = side + 8,
          .in_channels = in,
          .out_channels = out,
          .padding = {1, 1, 1, 1},
          .x = type,
          .y = type,
          .bias = true};
}

TEST(CpuDnn, PicturesOfAllSizesShareTheirPackedFilters) {
  const Threads restored;
  const auto backend = make_cpu_backend();
  for (const auto& [name, type] : {std::pair("onednn", DType::f32), std::pair("onednn-widened", DType::bf16)}) {
    const auto& implementation = named<Conv2dOp>(backend->operations(), name);
    for (const auto& [in, out] : {std::pair(320, 320), std::pair(960, 640), std::pair(1280, 1280), std::pair(4, 320)}) {
      std::set<std::string> layouts;
      for (const int count : {1, 2, 3}) {
        set_threads(count);
        for (const std::int64_t batch : {1, 2, 3}) {
          for (const std::int64_t side : {8, 24, 64}) {
            auto c = convolution(batch, side, in, out, type);
            layouts.insert(planned(implementation, c).layout);
            c.row = true;
            layouts.insert(planned(implementation, c).layout);
            c.row = false;
            c.residual = true;
            layouts.insert(planned(implementation, c).layout);
          }
        }
      }
      EXPECT_EQ(layouts.size(), 1) << name << " " << in << " -> " << out;
    }
  }
}

TEST(CpuDnn, RowsOfAllNumbersAndOneTapShareTheirPackedWeight) {
  const Threads restored;
  const auto backend = make_cpu_backend();
  for (const auto& [name, type] : {std::pair("onednn", DType::f32), std::pair("onednn-widened", DType::bf16)}) {
    std::set<std::string> layouts;
    for (const int count : {1, 2, 3}) {
      set_threads(count);
      for (const std::int64_t rows : {1, 2, 77, 154, 512, 8192}) {
        LinearOp::Case c{.rows = rows, .in = 320, .out = 1280, .x = type, .y = type};
        layouts.insert(planned(named<LinearOp>(backend->operations(), name), c).layout);
        c.residual = true;
        c.activation = Activation::quick_gelu;
        layouts.insert(planned(named<LinearOp>(backend->operations(), name), c).layout);
      }
      for (const std::int64_t side : {8, 64}) {
        auto c = convolution(2, side, 320, 1280, type);
        c.kernel = 1;
        c.padding = {};
        layouts.insert(planned(named<Conv2dOp>(backend->operations(), name), c).layout);
      }
    }
    EXPECT_EQ(layouts.size(), 1) << name;
  }
}

TEST(CpuDnn, OnePackedFilterServesEveryBatch) {
  constexpr std::int64_t side = 16, in = 32, out = 64;
  Random random(1);
  Device device(make_cpu_backend());
  const Values values = random.normals(3 * side * side * in);
  const Weight filters = weight({out, in, 3, 3}, random.normals(out * in * 9));
  const Values whole = device.values(conv2d(device.ctx, device.tensor({3, side, side, in}, values), filters));
  const std::size_t booked = *device.backend->booked();
  EXPECT_GE(booked, sizeof(float) * out * in * 9);
  for (std::int64_t picture = 0; picture < 3; ++picture) {
    const auto first = values.begin() + picture * side * side * in;
    const Values alone = device.values(
        conv2d(device.ctx, device.tensor({1, side, side, in}, Values(first, first + side * side * in)), filters));
    for (std::size_t i = 0; i < alone.size(); ++i) {
      ASSERT_NEAR(alone[i], whole[static_cast<std::size_t>(picture) * alone.size() + i], 1e-4);
    }
  }
  EXPECT_EQ(*device.backend->booked(), booked);
}

/// The bytes that a case's weight packs into with so many threads.
template <class Op>
Values packed(const Implementation<Op>& implementation, const typename Op::Case& c, const Source& source, int count) {
  set_threads(count);
  const Plan plan = planned(implementation, c);
  const Guarded memory(plan.packed_bytes);
  implementation.pack(c, plan, source, memory.data());
  EXPECT_TRUE(memory.intact());
  Values bytes(plan.packed_bytes);
  to_float(DType::u8, memory.data(), bytes);
  return bytes;
}

TEST(CpuDnn, PackingGivesTheSameBytesInAnyNumberOfThreads) {
  const Threads restored;
  const auto backend = make_cpu_backend();
  Random random(2);
  const auto filters = values_source({72, 40, 3, 3}, random.normals(72 * 40 * 9));
  const auto gated = values_source({400, 200}, random.normals(400 * 200));
  for (const auto& [name, type] : {std::pair("onednn", DType::f32), std::pair("onednn-widened", DType::bf16)}) {
    const auto c = convolution(1, 16, 40, 72, type);
    const LinearOp::Case l{.rows = 9, .in = 200, .out = 200, .x = type, .y = type, .gated = true};
    const auto& convolutions = named<Conv2dOp>(backend->operations(), name);
    const auto& linears = named<LinearOp>(backend->operations(), name);
    const Values one = packed(convolutions, c, *filters, 1), one_gated = packed(linears, l, *gated, 1);
    for (const int count : {2, 3, 5}) {
      EXPECT_EQ(packed(convolutions, c, *filters, count), one) << name;
      EXPECT_EQ(packed(linears, l, *gated, count), one_gated) << name;
    }
  }
}

TEST(CpuDnn, APlanRunsInAnyNumberOfThreads) {
  const Threads restored;
  Random random(3);
  Device device(make_cpu_backend());
  const Tensor x = device.tensor({2, 20, 20, 48}, random.normals(2 * 20 * 20 * 48));
  const Weight filters = weight({48, 48, 3, 3}, random.normals(48 * 48 * 9));
  set_threads(3);
  const Values planned_for = device.values(conv2d(device.ctx, x, filters, {.residual = x}));
  for (const int count : {1, 2, 4}) {
    set_threads(count);
    EXPECT_EQ(device.values(conv2d(device.ctx, x, filters, {.residual = x})), planned_for);
    EXPECT_EQ(threads(), count);
  }
}

TEST(CpuDnn, AResidualInYIsRefused) {
  Memory memory;
  Random random(4);
  const auto backend = make_cpu_backend();
  const auto& implementation = named<LinearOp>(backend->operations(), "onednn");
  const LinearOp::Case c{.rows = 4, .in = 16, .out = 16, .residual = true};
  const Plan plan = planned(implementation, c);
  const Guarded bytes(plan.packed_bytes), scratch(plan.scratch_bytes);
  implementation.pack(c, plan, *values_source({16, 16}, random.normals(256)), bytes.data());
  const Tensor x = memory.tensor({4, 16}, random.normals(64)), y = memory.tensor({4, 16}, random.normals(64));
  const LinearOp::Args args{.x = x, .packed = bytes.data(), .bias = {}, .residual = y, .y = y};
  EXPECT_THROW(implementation.run(c, plan, args, scratch.data()), Error);
}

TEST(CpuDnn, TheInstructionSetDecidesHowBf16IsComputed) {
  const auto c = convolution(1, 16, 64, 64, DType::bf16);
  const LinearOp::Case l{.rows = 8, .in = 64, .out = 64, .x = DType::bf16, .y = DType::bf16};
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    EXPECT_EQ(first_taker<Conv2dOp>(isa, c), "onednn-widened");
    EXPECT_EQ(first_taker<LinearOp>(isa, l), "onednn-widened");
    EXPECT_EQ(first_taker<LinearOp>(isa, {.rows = 8, .in = 64, .out = 64}), "onednn");
  }
  if (usable_isa() >= Isa::avx512) {  // oneDNN itself must have bf16, if only emulated
    EXPECT_EQ(first_taker<Conv2dOp>(Isa::avx512bf16, c), "onednn");
    EXPECT_EQ(first_taker<LinearOp>(Isa::amx, l), "onednn");
  }
  EXPECT_EQ(make_cpu_backend()->preferred_type(), usable_isa() >= Isa::avx512bf16 ? DType::bf16 : DType::f32);
}

TEST(CpuDnn, DeclinesSayWhy) {
  Operations operations;
  onednn::add_layer<LinearOp>(operations, Isa::avx2);
  const auto reasons = [&](const LinearOp::Case& c) {
    std::string text;
    for (const auto& [name, decision] : operations.explain<LinearOp>(c)) {
      if (const auto* declined = std::get_if<Declined>(&decision))
        text += fmt::format("{}: {}\n", name, declined->reason);
    }
    return text;
  };
  EXPECT_EQ(reasons({.rows = 1, .in = 4, .out = 4, .x = DType::f16, .y = DType::f16}),
            "onednn: takes f32 and bf16, not f16 to f16\nonednn-widened: takes bf16, not f16 to f16\n"
            "onednn-emulated: needs AVX-512 without BF16\n");
  EXPECT_EQ(reasons({.rows = 1, .in = 4, .out = 4, .x = DType::bf16, .y = DType::bf16}),
            "onednn: needs AVX-512 BF16\nonednn-emulated: needs AVX-512 without BF16\n");
  EXPECT_EQ(reasons({.rows = 0, .in = 4, .out = 4}),
            "onednn: nothing to compute\nonednn-widened: takes bf16, not f32 to f32\n"
            "onednn-emulated: needs AVX-512 without BF16\n");
}

TEST(CpuDnn, SumiIsaCapsAndNamesWhatItKnows) {
  EXPECT_EQ(parse_isa("avx512bf16"), Isa::avx512bf16);
  EXPECT_LE(usable_isa(), isa_cap());
  const char* set = std::getenv("SUMI_ISA");
  const std::string before = set ? set : "";
  setenv("SUMI_ISA", "avx1024", 1);
  try {
    isa_cap();
    ADD_FAILURE() << "an unknown instruction set was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    EXPECT_STREQ(error.what(),
                 "SUMI_ISA: 'avx1024' is none of portable, neon, avx2, avx512, avx512vnni, avx512bf16, amx");
  }
  setenv("SUMI_ISA", "", 1);
  EXPECT_EQ(isa_cap(), Isa::amx);
  set ? setenv("SUMI_ISA", before.c_str(), 1) : unsetenv("SUMI_ISA");
}

TEST(CpuDnn, TheMachineIsDescribedAndMeasured) {
  std::set<std::string> rows;
  for (const auto& [name, text] : describe_cpu()) {
    EXPECT_FALSE(text.empty()) << name;
    rows.insert(name);
  }
  for (const char* name : {"cores", "instruction set", "oneDNN"}) EXPECT_TRUE(rows.contains(name)) << name;
  const double peak = measured_peak_gflops(DType::f32);
  EXPECT_GT(peak, 0.1);
  EXPECT_LT(peak, 1e6);
  EXPECT_EQ(measured_peak_gflops(DType::f32), peak);
  EXPECT_EQ(measured_peak_gflops(DType::f16), 0);
  EXPECT_EQ(measured_peak_gflops(DType::bf16) > 0, usable_isa() >= Isa::avx512bf16);
  EXPECT_EQ(measured_peak_gflops(DType::i8) > 0, usable_isa() >= Isa::avx512vnni);
}

}  // namespace
}  // namespace sumi::test
