#pragma once

#include <memory>
#include <string>

#include "core/json.h"
#include "models/clip_text.h"
#include "models/unet.h"
#include "models/vae.h"
#include "text/tokenizer.h"

namespace sumi {

/// What a request takes where it leaves something open.
struct Defaults {
  int steps, width, height;
  double guidance;
};

/// The parts of a text-to-image model. Weights stay in their file until a backend packs them.
struct Model {
  std::string name;  ///< for people: the folder's name
  Tokenizer tokenizer;
  ClipText text;
  UNet unet;
  Vae vae;
  Settings scheduler;  ///< scheduler_config.json
  Defaults defaults;
};

/// `name` as EngineOptions::model. Error(not_found, bad_file, bad_model, unsupported) with all that is wrong with a
/// part.
std::unique_ptr<Model> load_model(const std::string& name);

}  // namespace sumi
