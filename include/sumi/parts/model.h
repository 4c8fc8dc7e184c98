#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sumi/engine.h"
#include "sumi/latents.h"

/// The parts that `Engine` is made of, for loops of one's own.
namespace sumi::parts {

/// A model on a device: what the parts are made from. A copy is the same model, and parts keep it open. Parts of one
/// model run one at a time.
class Model {
 public:
  struct State;

  /// As Engine. Weights stay in their file until a part packs them.
  /// Error(not_found, bad_file, bad_model, unsupported, usage).
  explicit Model(const EngineOptions& options);

  /// What the model is usually asked for: steps, guidance scale, pixels.
  int default_steps() const;
  double default_guidance() const;
  int default_width() const;
  int default_height() const;
  /// Pixels along a side of one latent: mostly 8.
  int reduction() const;
  /// Of pictures of so many pixels, of the default's where 0. Error(usage) for a side that is no multiple of
  /// `reduction`, or outside of 8..16384.
  LatentShape latent_shape(int width = 0, int height = 0, int batch = 1) const;
  /// Channels that the UNet takes beside the latents: 0; of a mask and a picture (inpainting): 5; of a picture: 4.
  int extra_channels() const;

  /// Makes the model what its file holds plus these. Weights that change are packed again when they are next used; a
  /// Conditioning or UNet made before keeps what it computed of the prompt. Returns notes on what found no place.
  /// Error(not_found, bad_file, unsupported).
  std::vector<std::string> set_adapters(const std::vector<Lora>& loras, LoraMode mode = LoraMode::merge);
  /// Makes the text encoders know exactly the words of these files (textual inversion).
  /// Error(not_found, bad_file, bad_model).
  void set_words(const std::vector<std::filesystem::path>& embeddings);

  /// For the parts themselves.
  State& state() const { return *state_; }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace sumi::parts
