#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sumi/image.h"
#include "sumi/latents.h"

namespace sumi {

/// Which generator turns a seed into noise. Both give PyTorch's values for a seed; other programs call them the CPU
/// seed and the GPU seed.
enum class Rng { cpu, philox };

/// How prompts are read.
enum class PromptSyntax {
  weighted,  ///< `(word:1.3)`, `[word]`, BREAK; as long as wanted, in chunks of the text encoder's length
  plain,     ///< as it stands, cut at the text encoder's length
};

/// How the noise is taken away. Names as `sumi doctor` and the README list them; whatever is left empty keeps what the
/// model's scheduler file says, and the sampler's own default where it says nothing.
struct Sampling {
  std::string sampler;   ///< "ddim", "euler", "dpmpp-2m", ...; empty: the model's own
  std::string schedule;  ///< of the sigmas: "default", "karras", "exponential", "beta"
  std::string spacing;   ///< of the timesteps: "leading", "trailing", "linspace"
  double eta = 0;        ///< 0..1, noise that DDIM adds back (Song et al., 2020): 0 none, 1 as DDPM
  /// Which part of the way is gone, for models that share the work (Podell et al., 2023): `from` 0.8 goes on with
  /// latents that another model left at `to` 0.8.
  double from = 0, to = 1;
};

/// Begins with a picture instead of noise alone (Meng et al., 2021).
struct Start {
  Image picture;  ///< made as large as the result; sets its size where the request gives none
  /// The way begins with these instead of the picture's own, which may then be absent: one picture's, of the size that
  /// is made.
  Latents latents = {};
  double strength = 0.8;  ///< 0..1, the part of the steps that run: 1 keeps nothing of the picture
};

/// Paints a part of `Start::picture` anew and keeps the rest.
struct Mask {
  Image picture;  ///< light parts are painted; made as large as the start's picture
  int blur = 0;   ///< pixels, the deviation of a Gaussian; softens the seam when the result is laid over the original
  /// Works on the mask's surroundings alone, at the full size, with so many pixels around it.
  std::optional<int> only_masked;
};

/// A ControlNet (Zhang et al., 2023) and the picture that it looks at.
struct Control {
  std::string model;           ///< a folder in diffusers layout or a file
  Image picture;               ///< edges, a pose, ...; made as large as the result
  double weight = 1;           ///< 0..10
  double start = 0, end = 1;   ///< the part of the steps in which it works
  std::string annotator = "";  ///< "canny" turns the picture into edges first; empty or "none" takes it as it is
};

/// A file of changes of the model: LoRA, LoHa, LoKr, DoRA, or differences; or the folder that diffusers or PEFT saved
/// it in.
struct Lora {
  std::filesystem::path file;
  double weight = 1;                  ///< of the UNet's change
  std::optional<double> text_weight;  ///< of the text encoders'; absent: as `weight`
};

/// How low-rank changes (LoRA and LoCon) join the weights; other kinds are merged either way.
enum class LoraMode {
  merge,  ///< into the packed weights: no cost per step, and all that they change is packed again for other strengths
  apply,  ///< beside them: other strengths pack next to nothing, and each step computes the factors too
};

/// Hands the last steps to another model of the same latents (Podell et al., 2023, section 2.5).
struct Refiner {
  std::string model;   ///< as EngineOptions::model
  double start = 0.8;  ///< 0..1, the part of the way that the first model goes
};

/// Makes the picture small first, and then again from what it shows, larger.
struct Hires {
  double scale = 2;  ///< 1..8, along a side
  /// "lanczos", or the file of an ESRGAN-class upscaler; "latent" (bilinear) or "latent-nearest" enlarge the latents
  /// and decode nothing between, which needs a strength of .6 or more to become sharp.
  std::string upscaler = "lanczos";
  double strength = 0.5;  ///< of the second run, 0..1
};

/// What SDXL is told of a picture's origin (Podell et al., 2023, section 2.2). Sizes are (width, height).
struct Micro {
  std::optional<std::pair<int, int>> original, target;  ///< absent: the size that is made
  int crop_x = 0, crop_y = 0;
  double aesthetic = 6, negative_aesthetic = 2.5;  ///< 0..10, of refiners
};

/// A step of the way from one picture to another with the same prompt.
struct Variation {
  std::uint64_t seed = 0;
  double strength = 0;  ///< 0..1 of the way from the seed's noise to this one's, on the sphere
};

/// Transformers work on fewer tokens: those that are alike are merged (Bolya and Hoffman, 2023).
struct Tome {
  double ratio = 0.5;      ///< of the tokens, 0..0.75
  bool fixed = false;      ///< the top left token of each 2 x 2 stays, else one at random
  int max_downsample = 1;  ///< 1, 2, 4 or 8: where latents are at most so many times smaller along a side
  bool cross_attention = false, feed_forward = false;  ///< merges there too, not in self-attention alone
};

/// Faster, at the price of another picture.
struct Shortcuts {
  std::string deepcache;  ///< "INTERVAL[:BRANCH]" (Ma et al., 2024)
  std::optional<Tome> tome;
  bool vae_tiling = false;  ///< pictures larger than the training's are encoded and decoded in overlapping pieces
};

/// What becomes of a picture that a safety checker holds unfit to be shown.
enum class Safety { off, blur, refuse };

/// What picture to make. What is absent takes the model's default.
struct Request {
  std::string prompt;  ///< UTF-8
  /// A prompt for each picture of the batch, in place of `prompt`; empty: the same for all.
  std::vector<std::string> prompts;
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

  PromptSyntax syntax = PromptSyntax::weighted;
  std::optional<std::string> prompt_2, negative_2;  ///< for the second text encoder; absent: the same
  std::optional<Start> start;
  std::optional<Mask> mask;     ///< needs `start`
  double image_guidance = 1.5;  ///< 1..100, how much of the picture InstructPix2Pix keeps (Brooks et al., 2023)
  std::vector<Control> controls;
  bool guess_mode = false;  ///< ControlNets tell the prompt's half of guidance only, the early layers less
  std::vector<Lora> loras;
  LoraMode lora_mode = LoraMode::merge;
  std::filesystem::path lora_folder;              ///< where `<lora:name:weight>` of a prompt looks for name.safetensors
  std::vector<std::filesystem::path> embeddings;  ///< files of learned words
  Micro micro;
  std::optional<Variation> variation;
  std::optional<Refiner> refiner;
  std::optional<Hires> hires;
  Safety safety = Safety::off;  ///< needs the model's checker or EngineOptions::safety_checker
  Shortcuts shortcuts;
};

}  // namespace sumi
