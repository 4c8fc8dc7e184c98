#pragma once

#include <memory>

#include "ops/backend.h"

namespace sumi {

/// A dry run of `target`, which outlives it: chooses and books as the target would, and touches no memory. With an
/// `Arena::dry()` it gives the exact activations, packed weights and FLOPs of the same calls on the target.
std::unique_ptr<Backend> make_meta_backend(Backend& target);

}  // namespace sumi
