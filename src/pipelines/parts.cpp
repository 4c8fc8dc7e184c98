#include "pipelines/parts.h"

#include <cmath>

#include "core/json.h"
#include "core/paths.h"
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

/// Latents of another shape or scale are those of another family: nothing that the UNet makes can be seen in them.
void check_family(const Settings& config, const Settings& own, const std::string& where) {
  constexpr const char *kChannels = "latent_channels", *kScale = "scaling_factor";
  const std::int64_t channels = config.integer(kChannels, 4, 1, 1024), wanted = own.integer(kChannels, 4, 1, 1024);
  check(channels == wanted, ErrorCode::bad_model,
        "{}: an autoencoder of another family: its latents have {} channels, the model's {}", where, channels, wanted);
  // Tiny ones learned the scale with the rest.
  if (config.text("_class_name", "") == "AutoencoderTiny" || own.text("_class_name", "") == "AutoencoderTiny") return;
  const double scale = config.number(kScale, 0.18215), usual = own.number(kScale, scale);
  check(std::abs(scale / usual - 1) < 0.01, ErrorCode::bad_model,
        "{}: an autoencoder of another family: its latents are scaled by {}, the model's by {}", where, scale, usual);
}

}  // namespace

std::unique_ptr<ModelFiles> open_model(const ModelChoice& choice) {
  if (choice.name.starts_with(kSynthetic)) {
    return std::make_unique<Preset>(std::string_view(choice.name).substr(kSynthetic.size()));
  }
  const std::filesystem::path path = find_model(choice.name);
  if (is_folder(path)) return std::make_unique<ModelFolder>(path);
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

Autoencoder load_autoencoder(const ModelFiles& files, const std::string& instead) {
  if (instead.empty()) return build_autoencoder(files.config("vae"), files.weights("vae"));
  const Settings own = files.has("vae") ? files.config("vae") : Settings(Json::object(), files.name());
  const auto part = open_part(find_model(instead), "vae", own.json());
  const Settings config = part->config("vae");
  check_family(config, own, instead);
  return build_autoencoder(config, part->weights("vae"));
}

ControlNet build_controlnet(const Settings& config, const CheckpointPtr& weights) {
  return build<ControlNet, ControlNetConfig>(config, weights);
}

}  // namespace sumi
