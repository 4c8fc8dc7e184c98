// Packing against oneDNN's own reorder, byte by byte: every layout that its layers choose here, and those that it
// chooses on processors with bf16 arithmetic.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "backend/cpu/layer_onednn_state.h"
#include "backend/cpu/pack.h"
#include "core/threads.h"
#include "memory.h"
#include "problem.h"

namespace sumi::test {
namespace {

using dnnl::memory;
using Bytes = std::vector<std::byte>;

/// Values that need rounding to bf16, stored in any type of files.
SourcePtr stored(const Shape& shape, DType type, unsigned seed) {
  Random random(seed);
  const auto bytes = std::make_shared<Bytes>(static_cast<std::size_t>(shape.elements()) * bytes_of(type));
  const std::vector<float> values = random.normals(shape.elements());
  switch (type) {
    case DType::f64:
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double value = values[i] * 1.0000001;
        std::memcpy(bytes->data() + i * sizeof(value), &value, sizeof(value));
      }
      break;
    case DType::f8_e4m3:
    case DType::f8_e5m2:
      // Below those that stand for no number.
      for (std::size_t i = 0; i < values.size(); ++i) {
        (*bytes)[i] = static_cast<std::byte>(std::min(std::fabs(values[i]) * 40, 120.0f));
      }
      break;
    default: from_float(values, type, bytes->data());
  }
  return memory_source(shape, type, bytes->data(), bytes);
}

/// What oneDNN makes of the values in float32, rounded first where the layout holds bf16.
Bytes reordered(const Source& source, std::int64_t first, const memory::dims& dims, const memory::desc& packed) {
  const bool convolution = dims.size() == 4;
  std::vector<float> values(static_cast<std::size_t>(onednn::elements(dims)));
  source.read(first, values);
  const memory::data_type type = packed.data_type();
  const DType held = type == memory::data_type::bf16 ? DType::bf16 : DType::f32;
  Bytes plain(values.size() * bytes_of(held)), bytes(packed.get_size());
  from_float(values, held, plain.data());
  memory from({dims, type, convolution ? memory::format_tag::oihw : memory::format_tag::ba}, onednn::engine(),
              plain.data());
  memory to(packed, onednn::engine(), bytes.data());
  dnnl::reorder(from, to).execute(onednn::stream(), from, to);
  onednn::stream().wait();
  return bytes;
}

/// float32 to bf16.
Bytes narrowed(const Bytes& wide) {
  std::vector<float> values(wide.size() / sizeof(float));
  std::memcpy(values.data(), wide.data(), wide.size());
  Bytes bytes(values.size() * 2);
  from_float(values, DType::bf16, bytes.data());
  return bytes;
}

constexpr DType stored_types[] = {DType::f32, DType::f16, DType::bf16, DType::f64, DType::f8_e4m3, DType::f8_e5m2};

/// Packs a case's weight by every implementation of oneDNN that takes it.
template <class Op>
int expect_reordered(const typename Op::Case& c, const Shape& shape, unsigned seed) {
  Operations operations;
  onednn::add_layer<Op>(operations, usable_isa());
  int count = 0;
  for (const auto& each : operations.list<Op>()) {
    const Decision decision = each->plan(c);
    if (!std::holds_alternative<Plan>(decision)) continue;
    const Plan& plan = std::get<Plan>(decision);
    const auto& state = *static_cast<const onednn::State*>(plan.state.get());
    const SourcePtr source = stored(shape, stored_types[seed % std::size(stored_types)], seed);
    const Guarded memory(plan.packed_bytes);
    each->pack(c, plan, *source, memory.data());
    EXPECT_TRUE(memory.intact()) << c.text();
    for (std::size_t i = 0; i < state.steps.size(); ++i) {
      const std::int64_t first = static_cast<std::int64_t>(i) * onednn::elements(state.layer.weights);
      Bytes expected = reordered(*source, first, state.layer.weights, state.steps[i].weights);
      if (state.widened) expected = narrowed(expected);
      EXPECT_EQ(std::memcmp(memory.data() + i * state.packed_step_bytes(), expected.data(), expected.size()), 0)
          << each->name() << " " << plan.layout << ", " << c.text() << ", step " << i;
    }
    ++count;
  }
  return count;
}

TEST(CpuPack, LinearsPackAsOneDnnReorders) {
  unsigned seed = 0;
  int packed = 0;
  for (const auto& [in, out] : {std::pair(1, 1), std::pair(9, 8), std::pair(77, 50), std::pair(130, 70),
                                std::pair(320, 320), std::pair(1100, 33), std::pair(2100, 200), std::pair(64, 1000)}) {
    for (const DType type : {DType::f32, DType::bf16}) {
      for (const bool gated : {false, true}) {
        const LinearOp::Case c{.rows = 9, .in = in, .out = out, .x = type, .y = type, .gated = gated};
        packed += expect_reordered<LinearOp>(c, {c.weight_rows(), in}, ++seed);
      }
    }
  }
  EXPECT_GE(packed, 32);
}

TEST(CpuPack, ConvolutionsPackAsOneDnnReorders) {
  unsigned seed = 100;
  int packed = 0;
  for (const auto& [in, out] : {std::pair(4, 320), std::pair(9, 64), std::pair(3, 20), std::pair(64, 3),
                                std::pair(40, 72), std::pair(50, 70), std::pair(130, 96), std::pair(1, 1)}) {
    for (const DType type : {DType::f32, DType::bf16}) {
      for (const std::int64_t kernel : {1, 3, 14}) {
        const Conv2dOp::Case c{.batch = 1,
                               .height = 16,
                               .width = 16,
                               .in_channels = in,
                               .out_channels = out,
                               .kernel = kernel,
                               .stride = kernel == 14 ? 14 : 1,
                               .padding = kernel == 3 ? Conv2dOp::Padding{1, 1, 1, 1} : Conv2dOp::Padding{},
                               .x = type,
                               .y = type};
        packed += expect_reordered<Conv2dOp>(c, {out, in, kernel, kernel}, ++seed);
      }
    }
  }
  EXPECT_GE(packed, 48);
}

TEST(CpuPack, LayoutsOfOtherProcessorsAreThoseOfOneDnn) {
  using Tag = memory::format_tag;
  struct Layout {
    Tag tag;
    memory::data_type type;
    memory::dims dims;
  };
  constexpr auto f32 = memory::data_type::f32, bf16 = memory::data_type::bf16;
  const Layout layouts[] = {{Tag::BA16a64b2a, bf16, {130, 70}},
                            {Tag::BA16a32b2a, bf16, {64, 96}},
                            {Tag::BA16a16b2a, bf16, {2100, 20}},
                            {Tag::BA16a64b, f32, {130, 70}},
                            {Tag::ba, bf16, {33, 20}},
                            {Tag::OIhw8i16o2i, bf16, {20, 9, 3, 3}},
                            {Tag::OIhw16i64o2i, bf16, {70, 40, 3, 3}},
                            {Tag::Ohwi8o, bf16, {20, 9, 3, 3}},
                            {Tag::OIhw8o16i2o, bf16, {40, 20, 3, 3}},
                            {Tag::OIhw16i16o, f32, {40, 130, 3, 3}},
                            {Tag::OIhw8i8o, f32, {20, 20, 14, 14}},
                            {Tag::Ohwi32o, f32, {40, 9, 3, 3}},
                            {Tag::OIhw4i16o4i, f32, {20, 20, 3, 3}},
                            {Tag::hwio, bf16, {20, 20, 3, 3}},
                            {Tag::OIhw16i32o2i, bf16, {64, 64, 14, 14}}};
  usable_isa();  // caps oneDNN
  unsigned seed = 200;
  for (const auto& [tag, type, dims] : layouts) {
    const bool convolution = dims.size() == 4;
    const memory::desc packed(dims, type, tag);
    const Shape shape = convolution ? Shape{dims[0], dims[1], dims[2], dims[3]} : Shape{dims[1], dims[0]};
    const SourcePtr source = stored(shape, stored_types[seed % std::size(stored_types)], seed);
    const Bytes expected = reordered(*source, 0, dims, packed);
    const Guarded memory(expected.size());
    pack_matrix(*source, {0, shape[0]}, onednn::packed_layout(packed, convolution),
                type == bf16 ? DType::bf16 : DType::f32, memory.data());
    EXPECT_TRUE(memory.intact());
    EXPECT_EQ(std::memcmp(memory.data(), expected.data(), expected.size()), 0) << static_cast<int>(tag);
    ++seed;
  }
}

TEST(CpuPack, NansStayNans) {
  std::vector<float> values(64 * 32, std::bit_cast<float>(0x7fffffffu));
  values[7] = std::bit_cast<float>(0x7f800001u);
  values[8] = INFINITY;
  values[9] = 3e38f;
  const SourcePtr source = values_source({32, 64}, values);
  for (const auto tag : {memory::format_tag::ab, memory::format_tag::BA16a16b2a}) {
    const memory::desc packed({64, 32}, memory::data_type::bf16, tag);
    std::vector<bf16> memory(packed.get_size() / sizeof(bf16));
    const PackedLayout layout = onednn::packed_layout(packed, false);
    pack_matrix(*source, {0, 32}, layout, DType::bf16, reinterpret_cast<std::byte*>(memory.data()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto value = static_cast<float>(memory[layout.rows[i / 64] + layout.columns[i % 64]]);
      if (std::isnan(values[i])) {
        ASSERT_TRUE(std::isnan(value)) << i;
      } else {
        ASSERT_EQ(value, static_cast<float>(bf16(values[i])));
      }
    }
  }
}

}  // namespace
}  // namespace sumi::test
