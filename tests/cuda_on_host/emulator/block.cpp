#include "emulator/block.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "emulator/sanitizer.h"

namespace cuda_on_host {
namespace {

constexpr std::size_t lanes_of_warp = warp_lanes, shared_alignment = 128, shared_red_zone = 256;
constexpr int poison = 0xff;

Block* running_block = nullptr;

/// Those of finished blocks are used again, and live as long as the process.
std::vector<Fiber*>& idle_fibers() {
  static auto& fibers = *new std::vector<Fiber*>;
  return fibers;
}

constexpr unsigned bit(int lane) { return 1u << lane; }

}  // namespace

Block& Block::running() {
  if (!running_block) throw Problem(cudaErrorLaunchFailure, "the host called code of the device");
  return *running_block;
}

Block::Block(const Launch& launch, bool descending) : launch_(launch), descending_(descending) {
  const dim3 size = launch.block;
  threads_.resize(std::size_t{size.x} * size.y * size.z);
  warps_ = (threads_.size() + lanes_of_warp - 1) / lanes_of_warp;
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    const auto at = static_cast<unsigned>(i);
    threads_[i].index = {at % size.x, at / size.x % size.y, at / size.x / size.y};
    threads_[i].warp = i / lanes_of_warp;
    threads_[i].lane = static_cast<int>(i % lanes_of_warp);
  }
  // At an odd multiple of the alignment, so that nobody relies on more.
  shared_store_.resize(3 * shared_alignment + launch.shared_bytes + shared_red_zone);
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(shared_store_.data()) + 2 * shared_alignment;
  shared_ = shared_store_.data() + 2 * shared_alignment - address % (2 * shared_alignment) + shared_alignment;
  running_block = this;
}

Block::~Block() {
  allow_access(shared_store_.data(), shared_store_.size());
  running_block = nullptr;
}

void Block::run() {
  std::byte* const red_zone = shared_ + launch_.shared_bytes;
  allow_access(red_zone, shared_red_zone);
  std::memset(shared_, poison, launch_.shared_bytes + shared_red_zone);
  forbid_access(red_zone, shared_red_zone);
  for (Thread& each : threads_) each.state = State::unstarted;
  returned_ = at_collective_ = 0;
  do {
    for (std::size_t i = 0; i < warps_; ++i) run_warp(descending_ ? warps_ - 1 - i : i);
  } while (release_barrier());
  check_shared_memory();
}

std::size_t Block::size_of(std::size_t warp) const {
  return std::min(lanes_of_warp, threads_.size() - warp * lanes_of_warp);
}

Block::Thread& Block::thread(std::size_t warp, std::size_t turn) {
  return threads_[warp * lanes_of_warp + (descending_ ? size_of(warp) - 1 - turn : turn)];
}

unsigned Block::live_lanes(std::size_t warp) const {
  unsigned live = 0;
  for (std::size_t i = warp * lanes_of_warp, end = i + size_of(warp); i < end; ++i) {
    if (threads_[i].state != State::returned) live |= bit(threads_[i].lane);
  }
  return live;
}

/// Until all its threads returned or wait for other warps.
void Block::run_warp(std::size_t warp) {
  warp_ = warp;
  do {
    for (turn_ = 0; turn_ < size_of(warp); ++turn_) {
      Thread& each = thread(warp, turn_);
      if (each.state == State::ready) {
        resume(each);
      } else if (each.state == State::unstarted) {
        idle_fiber().resume();
      }
      if (problem_) abandon(*problem_);
    }
  } while (at_collective_ > 0 && join_lanes(warp));
}

Fiber& Block::idle_fiber() {
  std::vector<Fiber*>& idle = idle_fibers();
  if (idle.empty()) {
    idle.push_back(new Fiber([](Fiber& self) {
      for (;; self.suspend()) running().run_unstarted();
    }));
  }
  return *idle.back();
}

/// In a fiber: begins the warp's threads from `turn_` on, until one has waited and so left the others to other fibers.
void Block::run_unstarted() {
  Fiber* const fiber = idle_fibers().back();
  idle_fibers().pop_back();
  for (;;) {
    Thread& each = thread(warp_, turn_);
    each.fiber = fiber;
    run_thread(each);
    if (each.waited || problem_ || turn_ + 1 == size_of(warp_)) break;
    ++turn_;
  }
  idle_fibers().push_back(fiber);
}

void Block::run_thread(Thread& thread) {
  current_ = &thread;
  threadIdx = thread.index;
  thread.waited = false;
  thread.copies.clear();
  thread.groups.clear();
  thread.ungrouped = 0;
  try {
    launch_.thread();
  } catch (const Abandoned&) {
  } catch (const Problem& problem) {
    problem_ = std::make_unique<Problem>(problem.error, fmt::format("{}, in {}", problem.what(), describe_thread()));
  }
  current_ = nullptr;
  thread.state = State::returned;
  ++returned_;
}

void Block::resume(Thread& thread) {
  current_ = &thread;
  threadIdx = thread.index;
  thread.fiber->resume();
}

void Block::suspend(State state) {
  Thread& thread = *current_;
  thread.state = state;
  thread.waited = true;
  current_ = nullptr;
  thread.fiber->suspend();
  if (abandoned_) throw Abandoned{};
}

Votes Block::wait_at_barrier(bool predicate) {
  current_->predicate = predicate;
  suspend(State::at_barrier);
  return votes_;
}

void Block::wait_for_lanes(const Collective& collective) {
  if (!(collective.mask & bit(lane()))) {
    throw Problem(cudaErrorLaunchFailure, fmt::format("lane {} is not in its mask {:#x}", lane(), collective.mask));
  }
  current_->collective = collective;
  ++at_collective_;
  suspend(State::at_collective);
}

/// Lets groups of lanes go on that are complete. False if there was none.
bool Block::join_lanes(std::size_t warp) {
  Thread* const lanes = &threads_[warp * lanes_of_warp];
  const int count = static_cast<int>(size_of(warp));
  bool joined = false;
  for (int first = 0; first < count; ++first) {
    if (lanes[first].state != State::at_collective) continue;
    const Collective asked = lanes[first].collective;
    const unsigned group = asked.mask & live_lanes(warp);
    std::array<const void*, warp_lanes> values{};
    bool complete = true;
    for (int i = first; i < count && complete; ++i) {
      if (!(group & bit(i))) continue;
      complete = lanes[i].state == State::at_collective && lanes[i].collective.mask == asked.mask;
      values[static_cast<std::size_t>(i)] = lanes[i].collective.value;
    }
    if (!complete || group & (bit(first) - 1)) continue;
    for (int i = first; i < count; ++i) {
      if (!(group & bit(i))) continue;
      if (lanes[i].collective.read != asked.read) {
        abandon({cudaErrorLaunchFailure, describe(lanes[i]) + " does something else than lanes it waits for"});
      }
      asked.read(lanes[i].collective.reader, values);
      lanes[i].state = State::ready;
      --at_collective_;
    }
    joined = true;
  }
  return joined;
}

/// Once no thread can go on: true where they may now, false where all returned.
bool Block::release_barrier() {
  if (returned_ == threads_.size()) return false;
  if (at_collective_ > 0) abandon({cudaErrorLaunchFailure, "deadlock: " + describe_waiting()});
  votes_ = {};
  for (Thread& each : threads_) {
    if (each.state != State::at_barrier) continue;
    ++votes_.arrived;
    votes_.agreed += each.predicate;
    each.state = State::ready;
  }
  return true;
}

/// Ends the threads that wait, so that what lies on their stacks is destroyed.
void Block::abandon(Problem problem) {
  abandoned_ = true;
  for (Thread& each : threads_) {
    if (each.state != State::unstarted && each.state != State::returned) resume(each);
  }
  throw problem;
}

void Block::check_shared_memory() {
  const std::byte* const red_zone = shared_ + launch_.shared_bytes;
  allow_access(red_zone, shared_red_zone);
  const auto* const found =
      std::find_if(red_zone, red_zone + shared_red_zone, [](std::byte each) { return each != std::byte{poison}; });
  if (found == red_zone + shared_red_zone) return;
  throw Problem(cudaErrorIllegalAddress,
                fmt::format("byte {} of {} bytes of shared memory written", found - shared_, launch_.shared_bytes));
}

void Block::queue_copy(void* shared, const void* global, std::size_t bytes, bool valid) {
  const auto even = [&](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % bytes == 0; };
  if (!even(shared) || (valid && !even(global))) throw Problem(cudaErrorIllegalAddress, "a copy between odd addresses");
  std::memset(shared, poison, bytes);
  current_->copies.push_back({shared, global, bytes, valid});
  ++current_->ungrouped;
}

void Block::end_copy_group() { current_->groups.push_back(std::exchange(current_->ungrouped, 0)); }

void Block::wait_for_copy_groups(int newest) {
  std::vector<Copy>& copies = current_->copies;
  std::vector<std::size_t>& groups = current_->groups;
  const std::size_t ended = groups.size() - std::min(groups.size(), static_cast<std::size_t>(newest));
  const auto done = static_cast<std::ptrdiff_t>(std::accumulate(groups.data(), groups.data() + ended, std::size_t{0}));
  std::for_each(copies.begin(), copies.begin() + done, [](const Copy& copy) {
    if (copy.valid) {
      std::memcpy(copy.shared, copy.global, copy.bytes);
    } else {
      std::memset(copy.shared, 0, copy.bytes);
    }
  });
  copies.erase(copies.begin(), copies.begin() + done);
  groups.erase(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(ended));
}

std::string Block::describe(const Thread& thread) {
  return fmt::format("thread ({}, {}, {}) of block ({}, {}, {})", thread.index.x, thread.index.y, thread.index.z,
                     blockIdx.x, blockIdx.y, blockIdx.z);
}

/// The first thread of every kind of waiting.
std::string Block::describe_waiting() const {
  std::string text;
  bool barrier = false, lanes = false;
  for (const Thread& each : threads_) {
    if (each.state == State::at_barrier && !std::exchange(barrier, true)) {
      text += fmt::format("{}{} waits at __syncthreads", text.empty() ? "" : ", ", describe(each));
    } else if (each.state == State::at_collective && !std::exchange(lanes, true)) {
      text += fmt::format("{}{} waits for lanes {:#x} of its warp", text.empty() ? "" : ", ", describe(each),
                          each.collective.mask);
    }
  }
  return text;
}

}  // namespace cuda_on_host
