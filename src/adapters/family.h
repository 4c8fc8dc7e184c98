#pragma once

#include <cstdint>
#include <string>

#include "adapters/adapter.h"

namespace sumi {

/// The family of models by the channels of the prompts that their UNets read: "Stable Diffusion 1".
std::string family_of(std::int64_t prompt_channels);
/// Whether a tensor or module, in any naming, multiplies a UNet's prompt.
bool reads_prompt(std::string_view name);
/// The family that an adapter's names and shapes speak of; empty where they do not tell.
std::string family_of(const Adapter& adapter);

}  // namespace sumi
