#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "sumi/request.h"

namespace sumi {

/// What the model was trained to say.
enum class Prediction { epsilon, velocity, sample };
std::string_view name_of(Prediction prediction);

/// The settings of a sampler: a model's scheduler_config.json, the user's choices over it, the sampler's own defaults
/// under it.
struct SchedulerConfig {
  std::string sampler;               ///< Sumi's name: "euler"
  std::string schedule = "default";  ///< of the sigmas: "karras", "exponential", "beta"
  std::string spacing;               ///< of the timesteps: "leading", "trailing", "linspace"
  Prediction prediction = Prediction::epsilon;
  double eta = 0;

  int train_steps = 1000;
  std::vector<double> betas;  ///< of every training timestep
  bool zero_snr = false;      ///< betas rescaled so that the last timestep is pure noise (Lin et al., 2023)
  int steps_offset = 0;
  bool set_alpha_to_one = true;     ///< the sample before timestep 0 is clean, not as noisy as timestep 0
  std::optional<double> clip = {};  ///< x0 is kept in -clip..clip
  bool skip_prk_steps = false;
  bool lower_order_final = true, euler_at_final = false, final_sigma_zero = true, heun = false;
  int order = 2;
  int original_steps = 50;
  double timestep_scaling = 10;
};

/// Error(usage) for names that do not exist, with the nearest that do, and for choices that the sampler does not have;
/// Error(bad_file, unsupported) for settings of the file.
SchedulerConfig resolve(const Settings& file, const Sampling& choice);

/// Every sampler, by Sumi's name.
std::vector<std::string> sampler_names();

}  // namespace sumi
