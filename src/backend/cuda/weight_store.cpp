#include "backend/cuda/weight_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backend/cuda/recording.h"

namespace sumi::cuda {
namespace {

/// At least so many bytes, in a form that the option takes.
std::string size_text(std::size_t bytes) {
  constexpr std::size_t kilo = 1000, mega = 1000 * 1000;
  const bool large = bytes >= 10 * mega;
  const std::size_t unit = large ? mega : kilo;
  return fmt::format("{}{}", (bytes + unit - 1) / unit, large ? "M" : "K");
}

}  // namespace

/// Placed on the device or not; filled or not.
class WeightStore::Held final : public WeightMemory {
 public:
  Held(std::shared_ptr<WeightStore> store, std::size_t bytes) : store_(std::move(store)) {
    passing.bytes = bytes;
    store_->held_.push_back(this);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() override { store_->remove(*this); }

  void foresee(Need asked) override {
    need = std::max(need, asked);
    asked_for = store_->computation_;
    if (need != Need::always) store_->stream_.foresee(passing);
  }
  void fill(const std::function<void(std::byte*)>& write) override { store_->fill(*this, write); }
  /// A vector comes beside a weight, whose use it does not end.
  const std::byte* here() override {
    return need == Need::always && resident ? resident : store_->stream_.here(passing);
  }

  PassingWeight passing;
  std::byte* resident = nullptr;  ///< its place on the device
  Pinned pinned;                  ///< or in the host's memory
  bool filled = false;
  Need need = Need::once;
  std::uint64_t asked_for = 0;  ///< the computation that did so last

 private:
  std::shared_ptr<WeightStore> store_;
};

class WeightStore::StreamedRecording final : public Recording {
 public:
  StreamedRecording(std::shared_ptr<WeightStore> store, std::unique_ptr<Recording> graph)
      : store_(std::move(store)), graph_(std::move(graph)), moves_(store_->moves_) {}

  void replay() override {
    store_->stream_.rest();
    graph_->replay();
  }
  bool current() const override { return moves_ == store_->moves_; }

 private:
  std::shared_ptr<WeightStore> store_;
  std::unique_ptr<Recording> graph_;
  std::uint64_t moves_;
};

WeightStore::WeightStore(std::shared_ptr<const Device> device, Backend& backend, std::size_t limit)
    : device_(std::move(device)), backend_(backend), limit_(limit), stream_(*device_) {}

WeightStore::~WeightStore() = default;

Buffer WeightStore::allocate(std::size_t bytes) {
  const std::size_t size = std::max<std::size_t>(bytes, 1), known = *taken_ + resident_bytes_ + stream_.bytes();
  check(known + size <= limit_, ErrorCode::out_of_memory,
        "device memory {}: {} more beside {} of weights and activations is above this limit; take a higher one",
        size_text(limit_), size_text(size), size_text(known));
  DeviceMemory memory = allocate_device(*device_, size);
  *taken_ += size;
  return {memory.release(), [size, taken = taken_, device = device_](std::byte* data) {
            cudaSetDevice(device->ordinal());
            FreeDevice()(data);
            *taken -= size;
          }};
}

std::unique_ptr<WeightMemory> WeightStore::hold(std::size_t bytes) {
  return std::make_unique<Held>(shared_from_this(), bytes);
}

std::vector<WantedWeight> WeightStore::wanted() const {
  std::uint64_t last = 0;
  for (const Held* each : held_) last = each->need == Need::often ? std::max(last, each->asked_for) : last;
  std::vector<WantedWeight> wanted;
  for (const Held* each : held_) {
    const Rank rank = each->need == Need::always ? Rank::always
                      : each->need == Need::once ? Rank::once
                      : each->asked_for == last  ? Rank::often
                                                 : Rank::often_before;
    wanted.push_back({each->passing.bytes, rank});
  }
  return wanted;
}

void WeightStore::make_room(std::size_t bytes) {
  ++computation_;
  stream_.end_foreseeing();
  const std::vector<WantedWeight> weights = wanted();
  const std::size_t others = *taken_ + bytes, least = least_room(weights);
  check(others + least <= limit_, ErrorCode::out_of_memory,
        "device memory {}: activations take {}, and weights at least {}, the others coming from the host's memory: the "
        "least limit is {}; or use a smaller picture or batch",
        size_text(limit_), size_text(others), size_text(least), size_text(others + least));
  place(lay_out(weights, limit_ - others), limit_ - others);
}

void WeightStore::place(const WeightLayout& layout, std::size_t room) {
  bool leaves = false;
  std::size_t joining = 0;
  for (std::size_t i = 0; i < held_.size(); ++i) {
    leaves |= held_[i]->resident && !layout.resident[i];
    joining += !held_[i]->resident && layout.resident[i] ? aligned(held_[i]->passing.bytes) : 0;
  }
  // What weights that are gone have left is only counted where nothing moves.
  const bool moves = leaves || resident_bytes_ + joining + layout.ring_bytes > room;
  if (!moves && joining == 0 && stream_.bytes() == layout.ring_bytes) return;
  ++moves_;
  stream_.rest();
  device_->finish();
  if (moves) {
    bring_all_home();
    joining = layout.resident_bytes;
  }
  if (stream_.bytes() != layout.ring_bytes) stream_.resize(layout.ring_bytes);
  if (joining > 0) join(layout, joining);
}

void WeightStore::bring_all_home() {
  for (Held* each : held_) bring_home(*each);
  for (Held* each : held_) each->passing.resident = each->resident = nullptr;
  resident_.clear();
  resident_bytes_ = 0;
}

/// Weights that the layout has on the device and that are not there yet, `bytes` bytes.
void WeightStore::join(const WeightLayout& layout, std::size_t bytes) {
  resident_.push_back(allocate_device(*device_, bytes));
  resident_bytes_ += bytes;
  std::byte* next = resident_.back().get();
  std::vector<Held*> joined;
  for (std::size_t i = 0; i < held_.size(); ++i) {
    Held& weight = *held_[i];
    if (!layout.resident[i] || weight.resident) continue;
    weight.passing.resident = weight.resident = next;
    next += aligned(weight.passing.bytes);
    joined.push_back(&weight);
    if (!weight.filled) continue;
    check_cuda(cudaMemcpyAsync(weight.resident, weight.pinned.get(), weight.passing.bytes, cudaMemcpyHostToDevice,
                               device_->stream()),
               "copy of a weight");
  }
  device_->finish();
  for (Held* each : joined) {
    each->passing.pinned = nullptr;
    each->pinned.reset();
  }
}

/// Its values to the host's memory, where it is on the device.
void WeightStore::bring_home(Held& weight) const {
  if (!weight.filled || weight.pinned) return;
  weight.pinned = allocate_pinned(weight.passing.bytes);
  check_cuda(cudaMemcpyAsync(weight.pinned.get(), weight.resident, weight.passing.bytes, cudaMemcpyDeviceToHost,
                             device_->stream()),
             "copy of a weight");
  device_->finish();
  weight.passing.pinned = weight.pinned.get();
}

void WeightStore::fill(Held& weight, const std::function<void(std::byte*)>& write) {
  if (weight.resident) {
    weight.filled = false;
    weight.pinned.reset();
    weight.passing.pinned = nullptr;
    backend_.fill(weight.resident, weight.passing.bytes, write);
  } else {
    device_->use();
    // What is queued and what came in advance has the values from before.
    if (std::exchange(weight.passing.pinned, nullptr)) {
      stream_.rest();
      device_->finish();
    }
    weight.filled = false;
    if (!weight.pinned) weight.pinned = allocate_pinned(weight.passing.bytes);
    write(weight.pinned.get());
    weight.passing.pinned = weight.pinned.get();
  }
  weight.filled = true;
}

void WeightStore::remove(const Held& weight) {
  ++moves_;
  try {
    stream_.remove(weight.passing);
    device_->finish();      // with the copies that it waits for
  } catch (const Error&) {  // of a device that is gone: there is nothing to wait for
    stream_.forget();
  }
  for (Held* each : held_) {
    if (each->passing.following == &weight.passing) each->passing.following = nullptr;
  }
  std::erase_if(held_, [&](const Held* each) { return each == &weight; });
  if (!held_.empty()) return;
  resident_.clear();
  resident_bytes_ = 0;
  stream_.resize(0);
}

Offload WeightStore::offload() const {
  Offload sum{.room = stream_.bytes()};
  for (const Held* each : held_) sum.weights += each->resident ? 0 : each->passing.bytes;
  return sum;
}

std::unique_ptr<Recording> WeightStore::record(const std::function<void()>& body) {
  const auto captured = [&] {
    stream_.rest();
    try {
      return cuda::record(*device_, [&] {
        body();
        copies_recorded_ = stream_.busy();
        stream_.end_order();
        stream_.rest();
      });
    } catch (...) {
      stream_.forget();
      throw;
    }
  };
  std::unique_ptr<Recording> graph = captured();
  // The first time shows in which order weights are asked for, and where that ends.
  if (copies_recorded_) graph = captured();
  return std::make_unique<StreamedRecording>(shared_from_this(), std::move(graph));
}

}  // namespace sumi::cuda
