#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schedulers/scheduler.h"

namespace sumi {

/// A sampler, what the reference calls it, and the settings and defaults in which samplers differ.
struct Sampler {
  enum class Clip { never, off, on };
  struct Betas {
    double first, last;
    std::string_view schedule;
  };

  std::string_view name, reference;
  Schedule (*make)(const SchedulerConfig&, Run);
  std::string_view spacing;
  bool spaced = true;    ///< it takes other spacings
  bool curved = false;   ///< it takes schedules of its sigmas
  bool eta = false;      ///< it adds noise as asked
  bool leaps = false;    ///< to the end in each step, for weights that were distilled to do so in a few
  bool zero_snr = true;  ///< it takes betas rescaled to zero terminal SNR, else ignores that as the reference does
  bool alpha_to_one = true;
  Clip clip = Clip::never;
  Betas betas = {.0001, .02, "linear"};
};

std::span<const Sampler> samplers();
/// By Sumi's name as it is. Error(usage) for another.
const Sampler& find_sampler(const std::string& name);

}  // namespace sumi
