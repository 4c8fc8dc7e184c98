#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sumi {

/// How a picture was made, in the text that the Stable Diffusion web interfaces share:
///
///     a red apple
///     Negative prompt: blurry
///     Steps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 512x512
///
/// Prompts may have several lines. A value with a comma, colon or line break is quoted as a JSON string.
struct Parameters {
  std::string prompt;
  std::string negative;                                       ///< no line if empty
  std::vector<std::pair<std::string, std::string>> settings;  ///< in order
};

std::string format_parameters(const Parameters& parameters);

/// Takes any text: a last line with fewer than three settings belongs to the prompt, as other readers of it decide.
Parameters parse_parameters(std::string_view text);

}  // namespace sumi
