#include "pipelines/model.h"

#include "hub/find.h"
#include "models/presets.h"
#include "weights/folder.h"
#include "weights/loader.h"

namespace sumi {
namespace {

constexpr std::string_view synthetic_prefix = "synthetic:";

/// Where the parts of a model come from: a folder, or a preset with random weights.
struct Parts {
  std::function<Settings(const std::string& component)> config;
  std::function<CheckpointPtr(const std::string& component)> weights;
  std::filesystem::path tokenizer;
};

Parts parts_of(const ModelFolder& folder) {
  folder.require({"tokenizer", "text_encoder", "unet", "vae", "scheduler"});
  return {.config = [&](const std::string& name) { return folder.config(name); },
          .weights = [&](const std::string& name) { return folder.weights(name); },
          .tokenizer = folder.component("tokenizer").folder};
}

/// Synthetic text encoders have more embeddings than the embedded model's tokenizer has words.
Parts parts_of(const Preset& preset) {
  return {.config = [&](const std::string& name) { return preset.config(name); },
          .weights =
              [&](const std::string& name) {
                return synthetic_checkpoint(DType::f16, std::hash<std::string>{}(name), preset.name() + "/" + name);
              },
          .tokenizer = find_model("") / "tokenizer"};
}

/// Builds a part and makes sure that it used its whole checkpoint.
template <class Part, class Config>
Part build(const Parts& parts, const std::string& name, Names (*names)(const Checkpoint&)) {
  const CheckpointPtr checkpoint = parts.weights(name);
  const Loader loader(checkpoint, names ? names(*checkpoint) : Names{});
  Part part(Config::from(parts.config(name)), loader);
  loader.finish();
  return part;
}

void check_fit(const Model& model, const std::string& where) {
  const auto& unet = model.unet.config();
  check(unet.out_channels == model.vae.config().latent_channels, ErrorCode::bad_model,
        "{}: the UNet predicts {} channels, the autoencoder has {}", where, unet.out_channels,
        model.vae.config().latent_channels);
  check(model.tokenizer.vocabulary_size() <= model.text.config().vocabulary, ErrorCode::bad_model,
        "{}: the tokenizer has {} tokens, the text encoder {}", where, model.tokenizer.vocabulary_size(),
        model.text.config().vocabulary);
  check(model.tokenizer.length() <= model.text.config().positions, ErrorCode::bad_model,
        "{}: the tokenizer gives {} tokens, the text encoder takes {}", where, model.tokenizer.length(),
        model.text.config().positions);
}

/// What models of this family are usually asked for: distilled ones that take the guidance scale as an input need few
/// steps.
Defaults family_defaults(const Model& model) {
  const auto size = static_cast<int>(model.unet.config().sample_size * model.vae.config().reduction());
  const bool consistency = model.unet.config().guidance_channels > 0;
  return {.steps = consistency ? 4 : 50, .width = size, .height = size, .guidance = consistency ? 8.5 : 7.5};
}

Defaults read_defaults(const Settings& file, Defaults otherwise) {
  const auto integer = [&](const char* key, int value, int most) {
    return static_cast<int>(file.integer(key, value, 1, most));
  };
  return {.steps = integer("steps", otherwise.steps, 1000),
          .width = integer("width", otherwise.width, 16384),
          .height = integer("height", otherwise.height, 16384),
          .guidance = file.number("guidance", otherwise.guidance)};
}

std::unique_ptr<Model> assemble(std::string name, const Parts& parts, const std::string& where) {
  auto model =
      std::make_unique<Model>(Model{.name = std::move(name),
                                    .tokenizer = Tokenizer::load(parts.tokenizer),
                                    .text = build<ClipText, ClipTextConfig>(parts, "text_encoder", clip_text_names),
                                    .unet = build<UNet, UNetConfig>(parts, "unet", nullptr),
                                    .vae = build<Vae, VaeConfig>(parts, "vae", vae_names),
                                    .scheduler = parts.config("scheduler"),
                                    .defaults = {}});
  check_fit(*model, where);
  model->defaults = family_defaults(*model);
  return model;
}

}  // namespace

std::unique_ptr<Model> load_model(const std::string& name) {
  if (name.starts_with(synthetic_prefix)) {
    const Preset preset = find_preset(std::string_view(name).substr(synthetic_prefix.size()));
    return assemble(name, parts_of(preset), name);
  }
  const std::filesystem::path path = find_model(name);
  const ModelFolder folder(path);
  auto model = assemble(path.filename().string(), parts_of(folder), path.string());
  const auto defaults = path / "generation.json";
  if (std::filesystem::exists(defaults)) {
    model->defaults = read_defaults(Settings(read_json(defaults), defaults.string()), model->defaults);
  }
  return model;
}

}  // namespace sumi
