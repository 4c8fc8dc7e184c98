#include <map>

#include <gtest/gtest.h>

#include "core/rng.h"
#include "models/model.h"
#include "pipelines/parts.h"
#include "pipelines/session.h"
#include "reference/cases.h"
#include "text/clip_files.h"
#include "text/tokenizer.h"
#include "weights/single_file.h"

namespace sumi::test {
namespace {

void run_on(const Device& device, const Session::Body& body) {
  const auto backend = device.backend();
  Session session(*backend, device.type);
  session.run(body);
}

using Ids = std::vector<std::vector<std::int32_t>>;

Ids ids_of(const Fixture& fixture) {
  const auto length = fixture.shape("ids")[1];
  const auto values = fixture.values("ids");
  Ids ids;
  for (auto at = values.begin(); at != values.end(); at += length) ids.emplace_back(at, at + length);
  return ids;
}

/// The largest difference as a share of the largest magnitude.
double relative(const std::vector<float>& found, const std::vector<float>& expected) {
  return largest_difference(found, expected) / largest(expected);
}

/// An input picture or latent on the device, channels last.
Tensor upload(Context& ctx, const Fixture& fixture, const std::string& name) {
  const Shape s = fixture.shape(name);
  return ctx.upload(channels_last(fixture.values(name), s), {s[0], s[2], s[3], s[1]});
}

}  // namespace

void run_noise_case(const Fixture& fixture) {
  std::map<std::string, std::unique_ptr<NoiseSource>> sources;  // one generator for the draws of a seed, in their order
  for (const auto& [name, source] : fixture.tensors()) {
    const std::string generator = name.substr(0, name.rfind('.'));
    const bool philox = name.starts_with("philox");
    auto& noise = sources[generator];
    if (!noise)
      noise = make_noise(philox ? Rng::philox : Rng::cpu, std::stoull(generator.substr(generator.find('.') + 1)));
    std::vector<float> found(static_cast<std::size_t>(source->shape().elements()));
    noise->fill(found);
    EXPECT_LT(largest_difference(found, read_all(*source)), 1e-6) << name;
  }
}

void run_tokenizer_case(const Fixture& fixture) {
  const bool clips_own = fixture.name == "tokenizer-clip";
  const Tokenizer tokenizer =
      clips_own ? Tokenizer(parse_vocabulary(clip_files())) : Tokenizer::load(fixtures() / "tokenizer");
  const Ids expected = ids_of(fixture);
  const Json& texts = fixture.ask.at("texts");
  ASSERT_EQ(texts.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(tokenizer.padded(texts[i].get<std::string>()), expected[i]) << texts[i];
}

Errors run_text_case(const Fixture& fixture, const Device& device) {
  const ClipText text = load_text(ModelFolder(model_path(fixture.ask.at("model"))));
  const Ids ids = ids_of(fixture);
  const auto layers = static_cast<int>(text.config().layers);
  Errors errors;
  run_on(device, [&](Context& ctx) {
    const auto compare = [&](const ClipText::Ask& ask, const std::string& name) {
      const auto found = ctx.download(text(ctx, ids, ask).hidden);
      if (!ctx.backend.dry()) errors.latents = std::max(errors.latents, relative(found, fixture.values(name)));
    };
    for (int i = 0; i <= layers; ++i) compare({.skip = layers - i, .normalised = false}, "hidden." + std::to_string(i));
    compare({}, "last");
  });
  return errors;
}

Errors run_vae_case(const Fixture& fixture, const Device& device) {
  const auto part = open_part(model_path(fixture.ask.at("model")), "vae");
  const Autoencoder vae = build_autoencoder(part->config("vae"), part->weights("vae"));
  const bool tiled = fixture.name.ends_with("-tiled");
  Errors errors;
  run_on(device, [&](Context& ctx) {
    if (fixture.has("input.latent")) {
      const auto expected = channels_last(fixture.values("image"), fixture.shape("image"));
      const Tensor latents = upload(ctx, fixture, "input.latent");
      std::vector<float> found;
      for (std::int64_t i = 0; i < latents.size(0); ++i) {
        // `decode` takes what `scaled` gives.
        std::vector<float> scaled = ctx.download(latents.slice(i, i + 1));
        for (float& value : scaled) value = static_cast<float>(vae.scaled(value));
        Shape one = latents.shape();
        one[0] = 1;
        const auto picture = vae.decode(ctx, ctx.upload(scaled, one), tiled);
        found.insert(found.end(), picture.begin(), picture.end());
      }
      if (!ctx.backend.dry()) errors.image = largest_difference(found, expected) / 2;
    }
    if (!fixture.has("input.image")) return;
    const bool tiny = fixture.has("latent");  // TAESD gives the latents themselves
    const auto found = vae.encode(ctx, upload(ctx, fixture, "input.image"), tiled);
    if (ctx.backend.dry()) return;
    const char* mean = tiny ? "latent" : "mean";
    errors.latents = relative(found.mean, channels_last(fixture.values(mean), fixture.shape(mean)));
    if (!fixture.has("logvar")) return;
    const auto log_variance = channels_last(fixture.values("logvar"), fixture.shape("logvar"));
    errors.latents = std::max(errors.latents, relative(found.log_variance, log_variance));
  });
  return errors;
}

}  // namespace sumi::test
