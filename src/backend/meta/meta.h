#pragma once

#include <memory>

#include "ops/backend.h"

namespace sumi {

enum class Packing { booked, real };

/// A dry run of `target`, which outlives it: chooses and books as the target would, and touches no memory. With an
/// `Arena::dry()` it gives the exact activations, packed weights and FLOPs of the same calls on the target.
/// With real packing it also packs the weights that the calls use, so that a run finds them ready.
std::unique_ptr<Backend> make_meta_backend(Backend& target, Packing packing = Packing::booked);

}  // namespace sumi
