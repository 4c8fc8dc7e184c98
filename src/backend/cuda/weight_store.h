#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "backend/cuda/weight_layout.h"
#include "backend/cuda/weight_stream.h"
#include "ops/backend.h"

namespace sumi::cuda {

/// The memory of a device of which no more than a limit is taken: weights that have no room there lie in pinned memory
/// of the host, and come as they are needed. Which these are is decided between computations.
///
/// What it hands out keeps it alive. `backend` and its transfers are asked for while weights are filled alone.
class WeightStore : public std::enable_shared_from_this<WeightStore> {
 public:
  WeightStore(std::shared_ptr<const Device> device, Backend& backend, std::size_t limit);
  ~WeightStore();

  /// Memory for anything else, within the limit.
  Buffer allocate(std::size_t bytes);
  std::unique_ptr<WeightMemory> hold(std::size_t bytes);
  void make_room(std::size_t bytes);
  Offload offload() const;
  /// As cuda::record, with the copies of weights as a part of the recording.
  std::unique_ptr<Recording> record(const std::function<void()>& body);

 private:
  class Held;
  class StreamedRecording;

  std::vector<WantedWeight> wanted() const;
  /// Moves weights to where the layout has them, all where that takes more than adding some.
  void place(const WeightLayout& layout, std::size_t room);
  void bring_all_home();
  void bring_home(Held& weight) const;
  void join(const WeightLayout& layout, std::size_t bytes);
  void fill(Held& weight, const std::function<void(std::byte*)>& write);
  void remove(const Held& weight);

  const std::shared_ptr<const Device> device_;
  Backend& backend_;
  const std::size_t limit_;
  std::shared_ptr<std::atomic<std::size_t>> taken_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::vector<Held*> held_;  ///< in the order in which they came
  std::vector<DeviceMemory> resident_;
  std::size_t resident_bytes_ = 0;
  bool copies_recorded_ = false;
  std::uint64_t computation_ = 0;  ///< counts calls of make_room
  std::uint64_t moves_ = 0;        ///< counts what makes recordings void
  WeightStream stream_;
};

}  // namespace sumi::cuda
