#pragma once

#include <functional>
#include <source_location>
#include <string>

#include "cuda_runtime.h"

namespace cuda_on_host {

/// A grid, and where in the code it is launched, which names the kernel when something is wrong.
struct Grid : dim3 {
  using Place = std::source_location;

  Grid(dim3 blocks, Place place = Place::current()) : dim3(blocks), where(place) {}
  Grid(unsigned columns, Place place = Place::current()) : dim3(columns), where(place) {}
  Grid(unsigned columns, unsigned rows, Place place = Place::current()) : dim3(columns, rows), where(place) {}
  Grid(unsigned columns, unsigned rows, unsigned layers, Place place = Place::current())
      : dim3(columns, rows, layers), where(place) {}

  Place where;
};

struct Launch {
  Grid grid;
  dim3 block;
  std::size_t shared_bytes;
  std::function<void()> thread;  ///< the kernel, with its arguments

  /// "the kernel of softmax.cu:30".
  std::string name() const;
};

/// As cudaLaunchKernel. `kernel`: its address, by which attributes are found. Of the kernel's arguments `pointers` are
/// those that are pointers.
cudaError_t queue_kernel(const void* kernel, Launch launch, std::initializer_list<const void*> pointers,
                         cudaStream_t stream);

/// Runs all blocks. Throws Problem.
void run_kernel(const Launch& launch);

/// Of the block that runs, aligned to 128 bytes and no more.
void* shared_memory_of_block();

}  // namespace cuda_on_host
