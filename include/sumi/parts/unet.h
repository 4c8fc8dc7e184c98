#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sumi/parts/text.h"

namespace sumi::parts {

/// What a UNet works with besides its weights, for all steps.
struct UNetOptions {
  std::string deepcache;          ///< "INTERVAL[:BRANCH]", counted in calls of `predict`; empty: none
  std::optional<Tome> tome;       ///< token merging
  std::vector<Control> controls;  ///< ControlNets; their `start` and `end` are the loop's matter
  bool guess_mode = false;        ///< ControlNets tell the rows of the prompts only, the early layers less
};

/// What one prediction is told besides latents and time.
struct StepOptions {
  /// Channels beside the latents, for models that take them (Model::extra_channels).
  Latents extra = {};
  std::vector<double> control_weights = {};  ///< one a ControlNet, 0 leaves it out; empty: Control::weight
};

/// The denoiser for one prompt, over all steps of a picture or batch: keys and values of the prompt are computed once,
/// and accelerations remember from call to call. Holds the memory that a dry run says one step needs, to its end.
class UNet {
 public:
  /// Error(usage) for a conditioning that does not fit the model, or options that make no sense.
  UNet(const Model& model, Conditioning conditioning, UNetOptions options = {});
  UNet(UNet&&) noexcept;
  UNet& operator=(UNet&&) noexcept;
  ~UNet();

  /// What the model predicts for each row of the conditioning, (rows, height, width, channels): the noise in the
  /// latents, or what else it was trained to say; `Scheduler` knows.
  /// latents: as Scheduler::scale_input gives them; where they are fewer pictures than rows, all of them again for each
  /// part of guidance, and so `extra`. timestep: of the training's, mostly 0..999.
  /// The first call, and a call with latents of another shape, plans memory and begins what lasts.
  /// Error(usage) for shapes that do not fit, Error(out_of_memory); of ControlNets Error(not_found, bad_file,
  /// bad_model, unsupported).
  Latents predict(const Latents& latents, double timestep, const StepOptions& options = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Classifier-free guidance (Ho and Salimans, 2022): of predictions u of the negative prompts and, after them, as many
/// c of the prompts, u + scale * (c - u). `rescale` 0..1 as Request::guidance_rescale.
/// Error(usage) for an odd number of rows.
Latents guide(const Model& model, const Latents& prediction, double scale, double rescale = 0);

/// Guidance of models that change a picture (Brooks et al., 2023, equation 3): of predictions t that saw prompt and
/// picture, as many i that saw the negative prompt and the picture, and u that saw the negative prompt and zeros,
/// u + scale * (t - i) + image_scale * (i - u). Error(usage) where rows are no three parts.
Latents guide_change(const Model& model, const Latents& prediction, double scale, double image_scale);

}  // namespace sumi::parts
