#pragma once

#include "sumi/latents.h"

namespace sumi {

/// One picture's latents in another size: the nearest of them, or a mix of four around the same place. As PyTorch
/// interpolates
/// (`align_corners=False`), so that a size gives what the field's other programs call "Latent" for it.
Latents enlarged(const Latents& latents, std::int64_t height, std::int64_t width, bool nearest);

}  // namespace sumi
