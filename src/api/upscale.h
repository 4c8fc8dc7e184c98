#pragma once

#include <string>

#include "pipelines/session.h"
#include "sumi/request.h"

namespace sumi {

inline constexpr const char* kNearestLatents = "latent-nearest";
/// Whether it enlarges latents, and decodes nothing between the two runs.
bool enlarges_latents(const Hires& hires);

/// Error(usage) for a scale that makes no sense, Error(not_found) for an upscaler that is no name that is known
/// and no file.
void check_hires(const Hires& hires);

/// The picture in another size: by interpolation, or by the network of a file and interpolation for the rest. The
/// network's weights are gone when this returns. Error(bad_file, unsupported) for a file that is no such network.
Image enlarged(Session& session, const Image& picture, const std::string& upscaler, int width, int height);

}  // namespace sumi
