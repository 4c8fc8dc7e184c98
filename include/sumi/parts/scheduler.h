#pragma once

#include <memory>
#include <optional>

#include "sumi/parts/model.h"
#include "sumi/parts/noise.h"

namespace sumi::parts {

/// The steps of a sampler: when they are, and the arithmetic of each.
class Scheduler {
 public:
  /// With the settings of the model's scheduler file. `steps`: 1..1000, as a user counts them; samplers that call the
  /// model twice a step have more of them here. `strength`: 0..1, for a run from a picture, the part of them that runs.
  /// Error(usage) for names that do not exist and values out of range.
  Scheduler(const Model& model, int steps, const Sampling& sampling = {}, std::optional<double> strength = {});
  Scheduler(Scheduler&&) noexcept;
  Scheduler& operator=(Scheduler&&) noexcept;
  ~Scheduler();

  /// Calls of the model. Steps below are 0..size() - 1, Error(usage) for another.
  int size() const;
  /// What the model is told, of the training's: mostly 999 down to 0.
  double timestep(int step) const;

  /// What a run from noise begins with: standard normal noise, as strong as the first step expects it.
  Latents begin(const Latents& noise) const;
  /// Clean latents under as much noise as `step` expects; step size() is the end: clean.
  Latents add_noise(int step, const Latents& clean, const Latents& noise) const;
  /// The latents as the model wants to see them at this step.
  Latents scale_input(int step, const Latents& latents) const;
  /// What the next step begins with. prediction: of the model for these latents, guided. noise: drawn from by samplers
  /// that add some. Steps go in order, from 0 on, where a new run begins: samplers remember. Error(usage) otherwise, or
  /// for different shapes.
  Latents step(int step, const Latents& prediction, const Latents& latents, Noise& noise);
  /// The finished latents as this step's input and prediction estimate them.
  Latents estimate(int step, const Latents& prediction, const Latents& latents) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sumi::parts
