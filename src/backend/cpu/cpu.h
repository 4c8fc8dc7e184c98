#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ops/backend.h"

namespace sumi {

/// The processor: own kernels where they are measured to be faster, then oneDNN, then the plain loops. Prefers bf16
/// where the instruction set multiplies it, else float32. Error(usage) for an unknown SUMI_ISA.
std::unique_ptr<Backend> make_cpu_backend();

/// What this machine has and how Sumi uses it, for people: processor, cores, caches, instruction sets, oneDNN.
std::vector<std::pair<std::string, std::string>> describe_cpu();

/// Multiplications and additions of f32, or of bf16 and int8 where the processor has them, that all threads do in a
/// second with everything in registers, in GFLOP/s: what a kernel could reach. Measured for at most 0.3 s at the first
/// call. 0 for other types.
double measured_peak_gflops(DType type);

}  // namespace sumi
