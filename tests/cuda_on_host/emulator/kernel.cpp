// Runs kernels, and what they call.

#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "emulator/block.h"
#include "emulator/control.h"
#include "emulator/copies.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace cuda_on_host {
namespace {

const Launch* running_launch = nullptr;
std::size_t run = 0;

bool next_order_descends() {
  const char* const given = std::getenv("CUDA_ON_HOST_ORDER");
  const std::string_view order = given ? given : "";
  return order == "descending" || (order != "ascending" && run % 2 == 1);
}

}  // namespace

std::string Launch::name() const {
  return fmt::format("the kernel of {}:{}", grid.where.file_name(), grid.where.line());
}

void run_kernel(const Launch& launch) {
  const struct Running {
    explicit Running(const Launch& launch) { running_launch = &launch; }
    ~Running() { running_launch = nullptr; }
  } running(launch);
  gridDim = launch.grid;
  blockDim = launch.block;
  const bool descending = next_order_descends();
  ++run;
  Block block(launch, descending);
  const std::uint64_t blocks = std::uint64_t{gridDim.x} * gridDim.y * gridDim.z;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::uint64_t at = descending ? blocks - 1 - i : i;
    blockIdx = {static_cast<unsigned>(at % gridDim.x), static_cast<unsigned>(at / gridDim.x % gridDim.y),
                static_cast<unsigned>(at / gridDim.x / gridDim.y)};
    block.run();
  }
}

std::size_t kernels_run() { return run; }

std::string describe_running() {
  return running_launch ? fmt::format("{}, {},", running_launch->name(), Block::running().describe_thread())
                        : std::string();
}

void* shared_memory_of_block() { return Block::running().shared_memory(); }
int lane() { return Block::running().lane(); }
unsigned live_lanes() { return Block::running().live_lanes(); }
Votes block_barrier(bool predicate) { return Block::running().wait_at_barrier(predicate); }
void run_collective(const Collective& collective) { Block::running().wait_for_lanes(collective); }
void trap() { throw Problem(cudaErrorLaunchFailure, "__trap"); }

void queue_copy(void* shared, const void* global, std::size_t bytes, bool valid) {
  Block::running().queue_copy(shared, global, bytes, valid);
}
void end_copy_group() { Block::running().end_copy_group(); }
void wait_for_copy_groups(int newest) { Block::running().wait_for_copy_groups(newest); }

}  // namespace cuda_on_host
