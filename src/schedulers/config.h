#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/settings.h"
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
  std::optional<double> sigma_min{}, sigma_max{};  ///< the ends of schedules other than "default"
  bool skip_prk_steps = false;
  int order = 2;      ///< 1 or 2, of solvers that have both
  bool heun = false;  ///< how DPM-Solver++ weighs its second-order term: Heun's way, else the midpoint's
  bool bh1 = false;   ///< UniPC's B(h) is h, else exp(h) - 1
  bool lower_order_final = true, euler_at_final = false;
  bool final_sigma_zero = true;  ///< the last step leads to sigma 0, else to the least of the training
  int original_steps = 50;       ///< that a distilled model was trained on
  double timestep_scaling = 10;
};

/// The choice may name samplers as other programs do (names.h); a schedule in such a name holds where the choice has
/// none. What the file sets stays set where the sampler has such a setting; what it leaves out takes the sampler's
/// default. Error(usage) for names that do not exist, with the nearest that do, and for choices that the sampler does
/// not have; Error(bad_file) for settings of the file that make no sense or are not supported.
SchedulerConfig resolve(const Settings& file, const Sampling& choice);

/// Whether a sampler, by Sumi's name, leaps to the end in each step: it is made for models distilled to take few.
bool leaps(const std::string& sampler);
/// Whether a model's file says that the model was distilled to take few steps: its sampler leaps; or it takes Euler's
/// steps from the very last timestep (`trailing`) and yet predicts noise, of which nothing is left to see there. Only
/// adversarial distillation (Sauer et al., 2023) trains for that.
bool takes_few_steps(const Settings& file);

/// Every sampler, by Sumi's name.
std::vector<std::string> sampler_names();

}  // namespace sumi
