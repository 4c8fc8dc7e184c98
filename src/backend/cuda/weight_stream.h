#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "backend/cuda/device.h"
#include "backend/cuda/event.h"
#include "backend/cuda/memory.h"
#include "backend/cuda/ring.h"
#include "backend/cuda/weight_layout.h"

namespace sumi::cuda {

/// A weight as the work that uses it comes by.
struct PassingWeight {
  std::size_t bytes = 0;
  const std::byte* resident = nullptr;  ///< where it stays on the device
  const std::byte* pinned = nullptr;    ///< else its values in the host's memory; null before it is packed
  PassingWeight* following = nullptr;   ///< asked for after this one, the last time
};

/// Brings weights from pinned memory of the host to a ring of the device's, on a stream of its own: those that are
/// about to be asked for while the device computes with the ones before. Order is kept by events both ways: work
/// waits for the copy of its weight, and a copy for the work that used what was in its place.
///
/// It may happen while the device's stream is captured. What is captured begins and ends at `rest`, with nothing in the
/// ring: so it depends on nothing that ran before, and leaves nothing behind.
class WeightStream {
 public:
  explicit WeightStream(const Device& device);
  WeightStream(const WeightStream&) = delete;
  WeightStream& operator=(const WeightStream&) = delete;
  ~WeightStream();

  /// Another ring. Error(out_of_memory), with none.
  void resize(std::size_t bytes);
  std::size_t bytes() const { return ring_.bytes(); }

  /// Where the weight is for the work that is queued until the next call.
  const std::byte* here(PassingWeight& weight);
  /// Lets all copies be a part of what the device's stream has done, and forgets what is in the ring.
  void rest();
  /// The same after a capture that failed, and queues nothing.
  void forget();
  /// What here() is asked for follows what was foreseen before, or nothing.
  void foresee(PassingWeight& weight) { follow(foreseen_, weight); }
  void end_foreseeing() { foreseen_ = nullptr; }
  /// The weight that was last asked for is the last of all, until another one follows it.
  void end_order();
  /// Whether weights were copied since the last rest.
  bool busy() const { return forked_; }
  /// A weight that is about to go.
  void remove(const PassingWeight& weight);

 private:
  struct Events {
    Event copied, used;
  };
  struct Slot {
    PassingWeight* weight;
    const std::byte* place;
    std::unique_ptr<Events> events;
    bool read = false;  ///< whether work that is queued reads it, up to `used`
  };

  static void follow(PassingWeight*& last, PassingWeight& weight) {
    if (last) last->following = &weight;
    last = &weight;
  }
  /// Where a weight's slot is among those that were not asked for yet, or the end.
  std::deque<Slot>::iterator coming(const PassingWeight& weight);
  /// The slot in use is free from here on.
  void end_use();
  const Slot& bring(PassingWeight& weight);
  bool queue(PassingWeight& weight);
  void give_back_first();
  void queue_following(PassingWeight& weight);

  const Device& device_;
  cudaStream_t copies_ = nullptr;
  DeviceMemory memory_;
  Ring ring_;
  std::deque<Slot> slots_;  ///< as in the ring: passed, at most one in use, coming
  std::size_t coming_ = 0;
  bool in_use_ = false, forked_ = false;
  Event forked_at_, joined_at_;
  std::vector<std::unique_ptr<Events>> idle_events_;
  PassingWeight *last_ = nullptr, *foreseen_ = nullptr;
};

}  // namespace sumi::cuda
