#include "pipelines/parts.h"

#include "hub/find.h"
#include "models/presets.h"
#include "weights/folder.h"
#include "weights/loader.h"

namespace sumi {
namespace {

constexpr std::string_view kSynthetic = "synthetic:";

template <class Part, class Config>
Part build(const Settings& config, const CheckpointPtr& weights, Names names = {}) {
  const Loader loader(weights, std::move(names));
  Part part(Config::from(config), loader);
  loader.finish();
  return part;
}

}  // namespace

std::unique_ptr<ModelFiles> open_model(const std::string& name) {
  if (name.starts_with(kSynthetic)) {
    return std::make_unique<Preset>(std::string_view(name).substr(kSynthetic.size()));
  }
  return std::make_unique<ModelFolder>(find_model(name));
}

ClipText build_text_encoder(const Settings& config, const CheckpointPtr& weights) {
  return build<ClipText, ClipTextConfig>(config, weights, clip_text_names(*weights));
}

UNet build_unet(const Settings& config, const CheckpointPtr& weights) {
  return build<UNet, UNetConfig>(config, weights);
}

Vae build_vae(const Settings& config, const CheckpointPtr& weights) {
  return build<Vae, VaeConfig>(config, weights, vae_names(*weights));
}

}  // namespace sumi
