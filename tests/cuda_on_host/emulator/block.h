#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "emulator/fiber.h"
#include "emulator/launch.h"
#include "emulator/problem.h"

namespace cuda_on_host {

/// A block's threads. They run one after another, each until it waits for others or returns; the warps too. A thread
/// that waits keeps the fiber it runs in, one that never does leaves it to the next, so that kernels that never
/// synchronise are a loop.
class Block {
 public:
  /// For all blocks of the launch. `descending`: the last thread of a warp is first, and so is the last warp.
  Block(const Launch& launch, bool descending);
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block();

  /// All threads from beginning to end. Throws Problem.
  void run();

  /// The one whose threads run; throws Problem where none does.
  static Block& running();

  // Of the thread that runs.
  int lane() const { return current_->lane; }
  unsigned live_lanes() const { return live_lanes(current_->warp); }
  Votes wait_at_barrier(bool predicate);
  void wait_for_lanes(const Collective& collective);
  void queue_copy(void* shared, const void* global, std::size_t bytes, bool valid);
  void end_copy_group();
  void wait_for_copy_groups(int newest);

  void* shared_memory() const { return shared_; }

  /// "thread (3, 0, 0) of block (1, 0, 0)"; empty between threads.
  std::string describe_thread() const { return current_ ? describe(*current_) : std::string(); }

 private:
  enum class State : unsigned char { unstarted, ready, at_barrier, at_collective, returned };
  struct Copy {
    void* shared;
    const void* global;
    std::size_t bytes;
    bool valid;
  };
  struct Thread {
    uint3 index;
    std::size_t warp;
    int lane;
    State state = State::unstarted;
    bool waited = false;
    Fiber* fiber = nullptr;
    bool predicate = false;
    Collective collective{};
    std::vector<Copy> copies;         ///< under way, the oldest first
    std::vector<std::size_t> groups;  ///< copies of each ended group
    std::size_t ungrouped = 0;
  };
  struct Abandoned {};

  std::size_t size_of(std::size_t warp) const;
  Thread& thread(std::size_t warp, std::size_t turn);
  unsigned live_lanes(std::size_t warp) const;

  void run_warp(std::size_t warp);
  void run_unstarted();
  void run_thread(Thread& thread);
  void resume(Thread& thread);
  void suspend(State state);
  Fiber& idle_fiber();

  bool join_lanes(std::size_t warp);
  bool release_barrier();
  [[noreturn]] void abandon(Problem problem);
  void check_shared_memory();

  static std::string describe(const Thread& thread);
  std::string describe_waiting() const;

  const Launch& launch_;
  const bool descending_;
  std::vector<Thread> threads_;
  std::size_t warps_ = 0, warp_ = 0, turn_ = 0;
  Thread* current_ = nullptr;
  std::size_t returned_ = 0, at_collective_ = 0;  ///< threads in these states
  Votes votes_{};
  bool abandoned_ = false;
  std::unique_ptr<Problem> problem_;
  std::vector<std::byte> shared_store_;
  std::byte* shared_ = nullptr;
};

/// What runs on the device now, for people; empty if nothing does.
std::string describe_running();

}  // namespace cuda_on_host
