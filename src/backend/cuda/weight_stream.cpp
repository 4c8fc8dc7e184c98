#include "backend/cuda/weight_stream.h"

#include <algorithm>
#include <utility>

namespace sumi::cuda {
namespace {

// Weights to look at for one that comes from the host: enough to fill a ring, and no walk through a model each time.
constexpr int farthest = 64;

void wait_for(cudaStream_t stream, const Event& event) {
  check_cuda(cudaStreamWaitEvent(stream, event.handle()), "order of copies and work");
}

}  // namespace

WeightStream::WeightStream(const Device& device) : device_(device) {
  device.use();
  check_cuda(cudaStreamCreateWithFlags(&copies_, cudaStreamNonBlocking), "stream");
}

WeightStream::~WeightStream() {
  cudaSetDevice(device_.ordinal());
  cudaStreamSynchronize(copies_);
  cudaStreamDestroy(copies_);
}

void WeightStream::resize(std::size_t bytes) {
  rest();
  memory_.reset();
  ring_ = Ring();
  memory_ = allocate_device(device_, bytes);
  ring_ = Ring(bytes);
}

const std::byte* WeightStream::here(PassingWeight& weight) {
  device_.use();
  end_use();
  follow(last_, weight);
  const std::byte* place = weight.resident;
  if (!place) {
    const Slot& slot = bring(weight);
    wait_for(device_.stream(), slot.events->copied);
    place = slot.place;
  }
  queue_following(weight);
  return place;
}

void WeightStream::end_use() {
  if (!std::exchange(in_use_, false)) return;
  Slot& slot = slots_[slots_.size() - coming_ - 1];
  slot.events->used.record(device_.stream());
  slot.read = true;
}

std::deque<WeightStream::Slot>::iterator WeightStream::coming(const PassingWeight& weight) {
  return std::find_if(slots_.end() - static_cast<std::ptrdiff_t>(coming_), slots_.end(),
                      [&](const Slot& slot) { return slot.weight == &weight; });
}

const WeightStream::Slot& WeightStream::bring(PassingWeight& weight) {
  check(weight.pinned, ErrorCode::internal, "a weight of {} bytes is used before it is packed", weight.bytes);
  const auto found = coming(weight);
  if (found != slots_.end()) {
    coming_ = static_cast<std::size_t>(slots_.end() - found) - 1;  // those before it came in vain
  } else {
    coming_ = 0;
    check(queue(weight), ErrorCode::internal, "a weight of {} bytes and a ring of {}", weight.bytes, ring_.bytes());
    coming_ = 0;
  }
  in_use_ = true;
  return slots_[slots_.size() - coming_ - 1];
}

void WeightStream::give_back_first() {
  if (slots_.front().read) wait_for(copies_, slots_.front().events->used);
  idle_events_.push_back(std::move(slots_.front().events));
  slots_.pop_front();
  ring_.give_back();
}

bool WeightStream::queue(PassingWeight& weight) {
  if (!std::exchange(forked_, true)) {
    forked_at_.record(device_.stream());
    wait_for(copies_, forked_at_);
  }
  std::optional<std::size_t> place = ring_.take(aligned(weight.bytes));
  while (!place && slots_.size() > coming_ + (in_use_ ? 1 : 0)) {
    give_back_first();
    place = ring_.take(aligned(weight.bytes));
  }
  if (!place) return false;
  if (idle_events_.empty()) idle_events_.push_back(std::make_unique<Events>());
  Slot slot{.weight = &weight, .place = memory_.get() + *place, .events = std::move(idle_events_.back())};
  idle_events_.pop_back();
  check_cuda(cudaMemcpyAsync(memory_.get() + *place, weight.pinned, weight.bytes, cudaMemcpyHostToDevice, copies_),
             "copy of a weight");
  slot.events->copied.record(copies_);
  slots_.push_back(std::move(slot));
  ++coming_;
  return true;
}

void WeightStream::queue_following(PassingWeight& weight) {
  PassingWeight* next = coming_ > 0 ? slots_.back().weight : &weight;
  for (int i = 0; i < farthest; ++i) {
    next = next->following;
    if (!next || next == &weight) return;
    if (!next->pinned || next->resident) continue;
    if (coming(*next) != slots_.end() || !queue(*next)) return;
  }
}

void WeightStream::rest() {
  if (forked_) {
    device_.use();
    joined_at_.record(copies_);
    wait_for(device_.stream(), joined_at_);
  }
  forget();
}

void WeightStream::forget() {
  for (Slot& slot : slots_) idle_events_.push_back(std::move(slot.events));
  slots_.clear();
  ring_.clear();
  coming_ = 0;
  in_use_ = forked_ = false;
  last_ = nullptr;
}

void WeightStream::end_order() {
  if (last_) last_->following = nullptr;
}

void WeightStream::remove(const PassingWeight& weight) {
  if (foreseen_ == &weight) foreseen_ = nullptr;
  rest();
}

}  // namespace sumi::cuda
