// What it costs to change the weights of a loaded UNet of Stable Diffusion XL by a LoRA on every linear layer of its
// transformers, beside packing the same layers without one: for each shape the fastest of several rounds, times the
// layers that have it. Weights and factors are float16 values in memory.
//   sumi_bench_adapters [RANK] [f32|bf16]

#include "adapters/adapters.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>

#include "backend/cpu/cpu.h"
#include "backend/meta/meta.h"
#include "core/threads.h"
#include "models/presets.h"
#include "models/unet.h"
#include "nn/basic.h"

namespace sumi {
namespace {

/// Wall clock, and processor time by threads: on a busy machine the second is what a quiet one would need.
struct Seconds {
  double wall = 0, processor = 0;
};

Seconds operator-(const Seconds& a, const Seconds& b) { return {a.wall - b.wall, a.processor - b.processor}; }
Seconds operator*(int count, const Seconds& a) { return {count * a.wall, count * a.processor}; }
Seconds operator+(const Seconds& a, const Seconds& b) { return {a.wall + b.wall, a.processor + b.processor}; }
Seconds least(const Seconds& a, const Seconds& b) {
  return {std::min(a.wall, b.wall), std::min(a.processor, b.processor)};
}

template <class Call>
Seconds seconds(Call call) {
  const auto wall = std::chrono::steady_clock::now();
  const std::clock_t processor = std::clock();
  call();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - wall).count(),
          static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC / threads()};
}

/// float16 values of memory far larger than any cache, of which every tensor is a window.
class Windows {
 public:
  SourcePtr next(const Shape& shape) {
    const auto count = static_cast<std::size_t>(shape.elements());
    if (at_ + count > values_->size()) at_ = 0;
    const auto* data = reinterpret_cast<const std::byte*>(values_->data() + at_);
    at_ += count;
    return memory_source(shape, DType::f16, data, values_);
  }

 private:
  static std::shared_ptr<const std::vector<std::uint16_t>> make() {
    std::vector<std::uint16_t> values(std::size_t{1} << 28);
    // 0.02 to 0.04 in float16, either sign.
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<std::uint16_t>(0x2400 + i * 2654435761u % 1024 + (i % 2 ? 0x8000 : 0));
    }
    return std::make_shared<const std::vector<std::uint16_t>>(std::move(values));
  }

  std::shared_ptr<const std::vector<std::uint16_t>> values_ = make();
  std::size_t at_ = 0;
};

/// The layers that LoRAs of this model usually change, by their shapes.
std::map<std::pair<std::int64_t, std::int64_t>, int> layers_by_shape(const Checkpoint& unet) {
  std::map<std::pair<std::int64_t, std::int64_t>, int> layers;
  for (const auto& [name, weight] : unet.tensors()) {
    const Shape& shape = weight->shape();
    if (name.find(".attentions.") != std::string::npos && shape.rank() == 2) ++layers[{shape[0], shape[1]}];
  }
  return layers;
}

/// A change of one layer that adds nothing: packing it again is all that it costs.
AdapterPtr empty_change(std::int64_t rows, std::int64_t columns) {
  class Nothing final : public Delta {
    void add(const Tile&, float, float*, std::int64_t) const override {}
  };
  const WeightChange change{
      .rows = rows, .columns = columns, .delta = [](DType) { return std::make_unique<Nothing>(); }};
  return std::make_shared<const Adapter>("nothing", std::vector<Adapter::Layer>{{"layer", change}},
                                         std::vector<std::string>{});
}

struct Times {
  Seconds pack, merge;
};

Times measure(Backend& packer, DType type, std::int64_t rows, std::int64_t columns, std::int64_t rank,
              Windows& windows) {
  const auto checkpoint = std::make_shared<AdaptedCheckpoint>(
      std::make_shared<Checkpoint>("bench", TensorMap{{"layer.weight", windows.next({rows, columns})}}));
  const Linear layer(Loader(checkpoint).at("layer"), columns, rows, false);
  Adapters adapters;
  adapters.add_component("unet", checkpoint);
  const AdapterPtr nothing = empty_change(rows, columns);
  const AdapterPtr lora = parse_adapter(
      {{"layer.lora_up.weight", windows.next({rows, rank})}, {"layer.lora_down.weight", windows.next({rank, columns})}},
      "bench");
  const auto changed = [&](const AdapterPtr& adapter, int round) {
    adapters.set({{adapter, 1.0 + round}});
    return seconds([&] {
      Arena arena = Arena::dry();
      Context ctx{.backend = packer, .arena = arena, .type = type};
      layer(ctx, ctx.tensor({1024, columns}));
    });
  };
  constexpr int kRounds = 8;
  changed(nothing, kRounds);  // plans, and touches the memory
  Times best{changed(nothing, kRounds + 1), changed(lora, kRounds + 1)};
  for (int round = 0; round < kRounds; ++round) {
    best.pack = least(best.pack, changed(nothing, round));
    best.merge = least(best.merge, changed(lora, round));
  }
  return best;
}

void run(std::int64_t rank, DType type) {
  const auto checkpoint = synthetic_checkpoint(DType::f16);
  const UNet unet(UNetConfig::from(Preset("sdxl").config("unet")), Loader(checkpoint));
  const auto backend = make_cpu_backend();
  const auto packer = make_meta_backend(*backend, Packing::real);
  Windows windows;
  std::printf("rank %lld, %s, %d threads, %.0f GFLOP/s at peak\n", static_cast<long long>(rank),
              std::string(name_of(type)).c_str(), threads(), measured_peak_gflops(DType::f32));
  Times sum;
  double products = 0;
  for (const auto& [shape, count] : layers_by_shape(*checkpoint)) {
    const auto [rows, columns] = shape;
    const Times each = measure(*packer, type, rows, columns, rank, windows);
    std::printf("%4d of %5lld x %4lld: packing %7.2f ms (%7.2f), with the LoRA %7.2f ms (%7.2f)\n", count,
                static_cast<long long>(rows), static_cast<long long>(columns), each.pack.wall * 1e3,
                each.pack.processor * 1e3, each.merge.wall * 1e3, each.merge.processor * 1e3);
    sum = {sum.pack + count * each.pack, sum.merge + count * each.merge};
    products += 2e-9 * static_cast<double>(count * rank * rows * columns);
  }
  const Seconds beyond = sum.merge - sum.pack;
  std::printf("together: packing %.2f s (%.2f), with the LoRA %.2f s (%.2f)\n", sum.pack.wall, sum.pack.processor,
              sum.merge.wall, sum.merge.processor);
  std::printf("beyond packing: %.2f s (%.2f) for products of %.0f GFLOP; in brackets: processor time by threads\n",
              beyond.wall, beyond.processor, products);
}

}  // namespace
}  // namespace sumi

int main(int argc, char** argv) {
  try {
    const std::int64_t rank = argc > 1 ? std::atoi(argv[1]) : 64;
    const bool bf16 = argc > 2 && std::string_view(argv[2]) == "bf16";
    sumi::run(std::max<std::int64_t>(rank, 1), bf16 ? sumi::DType::bf16 : sumi::DType::f32);
    return 0;
  } catch (const sumi::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
