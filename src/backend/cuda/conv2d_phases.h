#pragma once

#include <memory>

#include "backend/cuda/cudnn.h"
#include "backend/cuda/plan_file.h"
#include "ops/operations.h"

namespace sumi::cuda {

/// Appends "cudnn-phases", convolutions of 3 x 3 taps over an upsampled x that is never made. A row of y sees three
/// rows of the upsampled x, and they are two of x:
///   y[2i]     = w0 x[i-1] + (w1 + w2) x[i]
///   y[2i + 1] = (w0 + w1) x[i] + w2 x[i+1]
/// and columns likewise. So y has four phases, each every second pixel in both directions, that are convolutions of x
/// with 2 x 2 taps of their own: 4 / 9 of the multiplications. It is the idea of sub-pixel convolution (Shi et al.,
/// 2016) the other way round.
void add_cudnn_phases(Operations& operations, std::shared_ptr<const Cudnn> cudnn, std::shared_ptr<PlanFile> plans);

}  // namespace sumi::cuda
