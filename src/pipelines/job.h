#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/resize.h"
#include "pipelines/choices.h"
#include "sumi/request.h"

namespace sumi {

/// A request with every choice made for one model.
struct Job {
  std::vector<std::string> prompts, prompts_2;  ///< one a picture
  std::string negative, negative_2;
  bool negative_given = false;
  PromptSyntax syntax = PromptSyntax::weighted;
  std::int64_t width = 0, height = 0;  ///< pixels
  double guidance = 1, guidance_rescale = 0, image_guidance = 1;
  int clip_skip = 0;
  Rng rng = Rng::cpu;
  std::vector<std::uint64_t> seeds;  ///< one a picture
  std::optional<Variation> variation;
  int steps = 0;  ///< of the whole way
  SchedulerConfig scheduler;
  Schedule schedule;  ///< the steps that run

  std::optional<Image> picture;  ///< to begin with, of the size that is made
  std::vector<float> latents;    ///< to begin with instead of the picture's, (height, width, channels); or empty
  bool from_noise = true;        ///< the first latents are noise alone
  std::optional<Grey> mask;      ///< 255 is painted, else 0; of the size that is made
  Aids aids;
  std::vector<float> sizes, negative_sizes;  ///< the numbers that SDXL is told
  bool vae_tiling = false;
};

/// Error(usage) naming the field that makes no sense or that this model cannot do.
Job settle(const Model& model, const Request& request, const FindControlNet& find = {});

}  // namespace sumi
