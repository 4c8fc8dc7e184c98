#pragma once

#include "weights/layout.h"
#include "weights/name_table.h"

namespace sumi {

// The names of LDM's files ("Stable Diffusion checkpoints") beside those of diffusers and transformers, each part
// without the prefix that it has in the file.

/// model.diffusion_model.*
NameTable ldm_unet_names(const UNetLayout& layout);
/// control_model.*; `hints` convolutions lie between the first and last of the conditioning's embedding.
NameTable ldm_controlnet_names(const UNetLayout& layout, int hints);
/// first_stage_model.*
NameTable ldm_vae_names(const VaeLayout& layout);
/// cond_stage_model.model.*, conditioner.embedders.1.model.*: OpenCLIP's text encoder, of which only the first `layers`
/// are used; `projects` where the pooled embedding is.
NameTable open_clip_names(int layers, bool projects);

/// Where the parts lie in a whole checkpoint.
namespace ldm {
constexpr const char* kUNet = "model.diffusion_model.";
constexpr const char* kControlNet = "control_model.";
constexpr const char* kVae = "first_stage_model.";
constexpr const char* kClip = "cond_stage_model.transformer.";           // CLIP's text encoder, by transformers' names
constexpr const char* kOpenClip = "cond_stage_model.model.";             // Stable Diffusion 2
constexpr const char* kXlClip = "conditioner.embedders.0.transformer.";  // XL's first
constexpr const char* kXlOpenClip = "conditioner.embedders.1.model.";    // XL's second
constexpr const char* kRefinerOpenClip = "conditioner.embedders.0.model.";  // the refiner's only one
}  // namespace ldm

}  // namespace sumi
