#include "pipelines/parts.h"

#include "hub/find.h"
#include "models/presets.h"
#include "pipelines/model.h"
#include "weights/folder.h"
#include "weights/loader.h"
#include "weights/single_file.h"

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

std::unique_ptr<ModelFiles> open_model(const ModelChoice& choice) {
  if (choice.name.starts_with(kSynthetic)) {
    return std::make_unique<Preset>(std::string_view(choice.name).substr(kSynthetic.size()));
  }
  const std::filesystem::path path = find_model(choice.name);
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return std::make_unique<ModelFolder>(path);
  return open_single_file(path, {.config = choice.config, .prediction = choice.prediction});
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

Autoencoder build_autoencoder(const Settings& config, const CheckpointPtr& weights) {
  if (config.text("_class_name", "") != "AutoencoderTiny") return Autoencoder(build_vae(config, weights));
  return Autoencoder(build<Taesd, TaesdConfig>(config, weights));
}

ControlNet build_controlnet(const Settings& config, const CheckpointPtr& weights) {
  return build<ControlNet, ControlNetConfig>(config, weights);
}

}  // namespace sumi
