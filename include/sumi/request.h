#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sumi {

/// Which generator turns a seed into noise. Both give PyTorch's values for a seed; other programs call them the CPU
/// seed and the GPU seed.
enum class Rng { cpu, philox };

/// How the noise is taken away. Names as `sumi doctor` and the README list them; whatever is left empty keeps what the
/// model's scheduler file says, and the sampler's own default where it says nothing.
struct Sampling {
  std::string sampler;   ///< "ddim", "euler", "dpmpp-2m", ...; empty: the model's own
  std::string schedule;  ///< of the sigmas: "default", "karras", "exponential", "beta"
  std::string spacing;   ///< of the timesteps: "leading", "trailing", "linspace"
  double eta = 0;        ///< 0..1, noise that DDIM adds back (Song et al., 2020): 0 none, 1 as DDPM
};

/// What picture to make. What is absent takes the model's default.
struct Request {
  std::string prompt;  ///< UTF-8
  /// What to steer away from. Absent is the model's own empty condition, which for some models differs from "".
  std::optional<std::string> negative;
  std::optional<int> steps;          ///< 1..1000
  std::optional<double> guidance;    ///< guidance scale, 0..100; 1 and below: the prompt alone, at half the work
  double guidance_rescale = 0;       ///< 0..1 (Lin et al., 2023, section 3.4)
  std::optional<int> width, height;  ///< pixels, multiples of 8, 8..16384
  /// Picture i of a batch has seed + i and is the one that its seed gives alone. Absent: one from the system's entropy.
  std::optional<std::uint64_t> seed;
  Rng rng = Rng::cpu;
  int batch = 1;      ///< pictures made together, 1..256
  int clip_skip = 0;  ///< layers of the text encoder left out at its end: 1 is the penultimate layer
  Sampling sampling;
};

}  // namespace sumi
