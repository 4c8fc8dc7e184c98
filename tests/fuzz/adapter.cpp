#include <cmath>

#include "adapters/adapters.h"
#include "adapters/names.h"
#include "fuzz.h"
#include "memory_file.h"

namespace sumi {
namespace {

/// Applies every change to a weight of its own shape, where that is small, under the module's own name.
void adapt(const std::string& path) {
  const AdapterPtr adapter = read_adapter(path);
  constexpr std::int64_t kMost = 1 << 16;
  TensorMap tensors;
  for (const Adapter::Layer& layer : adapter->layers()) {
    const WeightChange& change = layer.change;
    fuzz::expect(change.rows > 0 && change.columns > 0);
    if (change.rows > kMost || change.columns > kMost / change.rows) continue;
    std::vector<float> ones(static_cast<std::size_t>(change.rows * change.columns), 1.0f);
    tensors.emplace(std::string(place_of(layer.module).name) + "." + layer.tensor,
                    values_source({change.rows, change.columns}, std::move(ones)));
  }
  const auto checkpoint = std::make_shared<AdaptedCheckpoint>(std::make_shared<Checkpoint>("fuzz", tensors));
  Adapters adapters;
  adapters.add_component("unet", checkpoint);
  const AdapterReport report = adapters.set({{adapter, 0.5}});
  fuzz::expect(report.changed <= tensors.size());
  for (const auto& [name, source] : checkpoint->tensors()) read_all(*source);
  adapters.set({{adapter, 0.5}}, LoraMode::apply);
  for (const auto& [name, source] : checkpoint->tensors()) {
    read_all(*source);
    const auto factors = source->beside();
    if (factors.empty()) continue;
    read_all(*prepared(joined_down(factors, source->shape())));
    read_all(*joined_up(factors, source->shape()));
  }
  adapters.set({});
  for (const auto& [name, source] : checkpoint->tensors()) {
    for (const float value : read_all(*source)) fuzz::expect(value == 1.0f);
  }
}

}  // namespace
}  // namespace sumi

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static sumi::fuzz::MemoryFile file;
  file.fill(data, size);
  sumi::fuzz::may_fail([&] { sumi::adapt(file.path()); });
  return 0;
}
