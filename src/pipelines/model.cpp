#include "pipelines/model.h"

#include "adapters/adapted_checkpoint.h"
#include "core/json.h"
#include "core/paths.h"
#include "hub/find.h"
#include "pipelines/parts.h"
#include "schedulers/config.h"
#include "weights/single_file.h"

namespace sumi {
namespace {

void check_text(const Model& model, const std::string& where) {
  for (const auto& [tokenizer, text] : model.texts) {
    check(tokenizer.vocabulary_size() <= text.config().vocabulary, ErrorCode::bad_model,
          "{}: the tokenizer has {} tokens, the text encoder {}", where, tokenizer.vocabulary_size(),
          text.config().vocabulary);
    check(tokenizer.length() <= text.config().positions, ErrorCode::bad_model,
          "{}: the tokenizer gives {} tokens, the text encoder takes {}", where, tokenizer.length(),
          text.config().positions);
  }
}

void check_fit(const Model& model, const std::string& where) {
  const auto& unet = model.unet.config();
  check(unet.out_channels == model.latent_channels(), ErrorCode::bad_model,
        "{}: the UNet predicts {} channels, the autoencoder has {}", where, unet.out_channels, model.latent_channels());
  check(unet.in_channels == model.latent_channels() || model.changes_pictures() || model.paints_masked(),
        ErrorCode::unsupported, "{}: the UNet takes {} channels for latents of {}", where, unet.in_channels,
        model.latent_channels());
  const std::int64_t channels = model.prompt_channels();
  for (const auto& stage : unet.down) {
    check(stage.depths.empty() || stage.prompt_channels == channels, ErrorCode::bad_model,
          "{}: the UNet takes prompts of {} channels, the text encoders give {}", where, stage.prompt_channels,
          channels);
  }
  if (!model.pooled()) return;
  const std::int64_t numbers = model.size_numbers();
  check((numbers == 5 || numbers == 6) && model.texts.back().text.config().projection > 0, ErrorCode::unsupported,
        "{}: the UNet takes {} added channels, which are no pooled prompt and 5 or 6 sizes", where,
        unet.added_channels);
}

/// What models of this family are usually asked for: as the reference's pipelines, and of distilled ones, as their
/// authors say.
Defaults family_defaults(const Model& model) {
  const auto size = static_cast<int>(model.unet.config().sample_size * model.vae.reduction());
  Defaults defaults{.steps = 50, .width = size, .height = size, .guidance = model.pooled() ? 5.0 : 7.5};
  const bool embeds_guidance = model.unet.config().guidance_channels > 0;
  if (embeds_guidance || takes_few_steps(model.scheduler)) defaults = defaults.distilled();
  if (embeds_guidance) defaults.guidance = 8.5;
  return defaults;
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

Tokenizer load_tokenizer(const ModelFiles& files, const std::string& tokenizer, const Settings& encoder) {
  if (const auto folder = files.tokenizer(tokenizer)) return Tokenizer::load(*folder);
  // OpenCLIP's encoders were trained with token 0 as padding, which is "!".
  const bool open = encoder.integer("pad_token_id", 1, 0, std::int64_t{1} << 31) == 0;
  return open ? Tokenizer::clip("!") : Tokenizer::clip();
}

/// A checkpoint that adapters can change.
CheckpointPtr adapted(Adapters& adapters, const ModelFiles& files, const std::string& component) {
  auto checkpoint = std::make_shared<AdaptedCheckpoint>(files.weights(component));
  adapters.add_component(component, checkpoint);
  return checkpoint;
}

void require_parts(const ModelFiles& files, const ModelChoice& choice) {
  std::vector<std::string_view> names{"unet", "scheduler"};
  if (choice.vae.empty()) names.push_back("vae");
  const bool refiner = files.has("text_encoder_2") && !files.has("text_encoder");
  if (!refiner) names.insert(names.end(), {"text_encoder", "tokenizer"});
  if (files.has("text_encoder_2")) names.insert(names.end(), {"text_encoder_2", "tokenizer_2"});
  files.require(names);
}

std::vector<TextEncoder> load_texts(const ModelFiles& files, Adapters& adapters) {
  std::vector<TextEncoder> texts;
  for (const char* ending : {"", "_2"}) {
    const std::string encoder = std::string("text_encoder") + ending, tokenizer = std::string("tokenizer") + ending;
    if (!files.has(encoder)) continue;
    texts.push_back({load_tokenizer(files, tokenizer, files.config(encoder)),
                     build_text_encoder(files.config(encoder), adapted(adapters, files, encoder))});
  }
  return texts;
}

Settings scheduler_of(const ModelFiles& files, const std::string& prediction) {
  Settings settings = files.config("scheduler");
  if (prediction.empty()) return settings;
  Json changed = settings.json();
  changed["prediction_type"] = prediction;
  return {std::move(changed), settings.where()};
}

Defaults defaults_of(const Model& model, const ModelFiles& files) {
  const Defaults family = family_defaults(model);
  const auto file = files.path() / "generation.json";
  if (files.path().empty() || !is_there(file)) return family;
  return read_defaults(Settings(read_json(file), file.string()), family);
}

}  // namespace

std::int64_t Model::prompt_channels() const {
  std::int64_t channels = 0;
  for (const TextEncoder& encoder : texts) channels += encoder.text.config().channels;
  return channels;
}

std::int64_t Model::size_numbers() const {
  const auto& config = unet.config();
  return (config.added_channels - texts.back().text.config().projection) /
         std::max<std::int64_t>(config.size_channels, 1);
}

std::unique_ptr<Model> load_model(const ModelChoice& choice) {
  const auto files = open_model(choice);
  const std::string where = files->path().empty() ? files->name() : files->path().string();
  require_parts(*files, choice);
  Adapters adapters;
  std::vector<TextEncoder> texts = load_texts(*files, adapters);
  check(!texts.empty(), ErrorCode::bad_model, "{}: has no text encoder", where);
  UNet unet = build_unet(files->config("unet"), adapted(adapters, *files, "unet"));
  auto model = std::make_unique<Model>(
      Model{.name = files->name(),
            .texts = std::move(texts),
            .unet = std::move(unet),
            .vae = load_autoencoder(*files, choice.vae),
            .scheduler = scheduler_of(*files, choice.prediction),
            .unet_settings = files->config("unet"),
            .defaults = {},
            .adapters = std::move(adapters),
            .zeros_without_negative = files->index().flag("force_zeros_for_empty_prompt", false)});
  check_fit(*model, where);
  check_text(*model, where);
  model->defaults = defaults_of(*model, *files);
  return model;
}

}  // namespace sumi
