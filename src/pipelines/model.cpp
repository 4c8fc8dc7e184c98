#include "pipelines/model.h"

#include "hub/find.h"
#include "pipelines/parts.h"

namespace sumi {
namespace {

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

/// Models without files have fewer words than their text encoder has embeddings.
Tokenizer load_tokenizer(const ModelFiles& files) {
  return Tokenizer::load(files.tokenizer("tokenizer").value_or(find_model("") / "tokenizer"));
}

Defaults defaults_of(const Model& model, const ModelFiles& files) {
  const Defaults family = family_defaults(model);
  const auto file = files.path() / "generation.json";
  if (files.path().empty() || !std::filesystem::exists(file)) return family;
  return read_defaults(Settings(read_json(file), file.string()), family);
}

}  // namespace

std::unique_ptr<Model> load_model(const std::string& name) {
  const auto files = open_model(name);
  files->require({"tokenizer", "text_encoder", "unet", "vae", "scheduler"});
  auto model = std::make_unique<Model>(
      Model{.name = files->name(),
            .tokenizer = load_tokenizer(*files),
            .text = build_text_encoder(files->config("text_encoder"), files->weights("text_encoder")),
            .unet = build_unet(files->config("unet"), files->weights("unet")),
            .vae = build_vae(files->config("vae"), files->weights("vae")),
            .scheduler = files->config("scheduler"),
            .defaults = {}});
  check_fit(*model, files->path().empty() ? files->name() : files->path().string());
  model->defaults = defaults_of(*model, *files);
  return model;
}

}  // namespace sumi
