#pragma once

#include <filesystem>

#include "models/clip_text.h"
#include "models/unet.h"
#include "models/vae.h"
#include "support/fixture.h"
#include "weights/folder.h"

namespace sumi::test {

inline std::filesystem::path model_path(const std::string& name) {
  return name == "emoji" ? std::filesystem::path(SUMI_SOURCE_DIR) / "models" / name : fixtures() / "models" / name;
}

inline ClipText load_text(const ModelFolder& folder) {
  const auto weights = folder.weights("text_encoder");
  const Loader loader(weights, clip_text_names(*weights));
  ClipText text(ClipTextConfig::from(folder.config("text_encoder")), loader);
  loader.finish();
  return text;
}

inline UNet load_unet(const ModelFolder& folder) {
  const Loader loader(folder.weights("unet"));
  UNet unet(UNetConfig::from(folder.config("unet")), loader);
  loader.finish();
  return unet;
}

inline Vae load_vae(const ModelFolder& folder) {
  const auto weights = folder.weights("vae");
  const Loader loader(weights, vae_names(*weights));
  Vae vae(VaeConfig::from(folder.config("vae")), loader);
  loader.finish();
  return vae;
}

}  // namespace sumi::test
