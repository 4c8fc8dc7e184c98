#include <gtest/gtest.h>

#include "pipelines/denoise.h"
#include "pipelines/extras.h"
#include "pipelines/session.h"
#include "reference/cases.h"

namespace sumi::test {
namespace {

/// Values of 0 to 1, (1, channels, height, width), one channel or three.
Image image_of(const Fixture& fixture, const std::string& tensor) {
  const Shape shape = fixture.shape(tensor);
  const auto values = channels_last(fixture.values(tensor), shape);
  Image image{.width = static_cast<int>(shape[3]), .height = static_cast<int>(shape[2])};
  for (const float value : values) {
    const auto level = static_cast<std::uint8_t>(std::lround(value * 255));
    image.rgb.insert(image.rgb.end(), shape[1] == 1 ? 3 : 1, level);
  }
  return image;
}

/// One number, or the i-th of a list.
double number_at(const Json& ask, const char* key, std::size_t i, double otherwise) {
  if (!ask.contains(key)) return otherwise;
  return ask.at(key).is_array() ? ask.at(key).at(i).get<double>() : ask.at(key).get<double>();
}

std::optional<std::string> text_at(const Json& ask, const char* key) {
  if (!ask.contains(key) || !ask.at(key).is_string()) return std::nullopt;
  return ask.at(key).get<std::string>();
}

/// (height, width) in the reference's order.
std::optional<std::pair<int, int>> size_at(const Json& ask, const char* key) {
  if (!ask.contains(key)) return std::nullopt;
  return std::pair(ask.at(key).at(1).get<int>(), ask.at(key).at(0).get<int>());
}

void add_pictures(const Fixture& fixture, Request& request) {
  const Json& ask = fixture.ask;
  if (ask.contains("controlnet")) {
    const auto& names = ask.at("controlnet");
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string tensor = names.size() > 1 ? fmt::format("input.image.{}", i) : "input.image";
      request.controls.push_back({.model = (fixtures() / "models" / names[i].get<std::string>()).string(),
                                  .picture = image_of(fixture, tensor),
                                  .weight = number_at(ask, "controlnet_conditioning_scale", i, 1),
                                  .start = number_at(ask, "control_guidance_start", i, 0),
                                  .end = number_at(ask, "control_guidance_end", i, 1)});
    }
    request.guess_mode = ask.value("guess_mode", false);
  } else if (fixture.has("input.image")) {
    request.start = Start{.picture = image_of(fixture, "input.image"), .strength = ask.value("strength", 1.0)};
  }
  if (fixture.has("input.mask_image")) request.mask = Mask{.picture = image_of(fixture, "input.mask_image")};
}

void add_adapters(const Json& ask, Request& request) {
  for (const Json& lora : ask.value("loras", Json::array())) {
    request.loras.push_back(
        {.file = fixtures() / "loras" / lora.at("file").get<std::string>(), .weight = lora.at("scale").get<double>()});
  }
  if (ask.contains("embedding")) {
    request.embeddings = {fixtures() / "embeddings" / ask.at("embedding").at("file").get<std::string>()};
  }
}

Request request_of(const Fixture& fixture) {
  const Json& ask = fixture.ask;
  const auto number = [&](const char* key, double otherwise) { return ask.value(key, otherwise); };
  Request request{.prompt = ask.at("prompt").get<std::string>(),
                  .negative = text_at(ask, "negative_prompt"),
                  .steps = ask.at("num_inference_steps").get<int>(),
                  .guidance = number("guidance_scale", 7.5),
                  .guidance_rescale = number("guidance_rescale", 0),
                  .width = ask.at("effective").at("width").get<int>(),
                  .height = ask.at("effective").at("height").get<int>(),
                  .seed = ask.at("seed").get<std::uint64_t>(),
                  .batch = ask.value("num_images_per_prompt", 1),
                  .clip_skip = ask.value("clip_skip", 0),
                  .sampling = {.eta = number("eta", 0), .to = number("denoising_end", 1)},
                  .prompt_2 = text_at(ask, "prompt_2"),
                  .negative_2 = text_at(ask, "negative_prompt_2"),
                  .image_guidance = number("image_guidance_scale", 1.5)};
  request.micro = {.original = size_at(ask, "original_size"), .target = size_at(ask, "target_size")};
  if (const auto crop = size_at(ask, "crops_coords_top_left")) {
    request.micro.crop_x = crop->first;
    request.micro.crop_y = crop->second;
  }
  request.micro.aesthetic = number("aesthetic_score", request.micro.aesthetic);
  if (ask.contains("deepcache")) {
    const Json& cache = ask.at("deepcache");
    request.shortcuts.deepcache = fmt::format("{}:{}", cache.at("interval").get<int>(), cache.at("branch").get<int>());
  }
  if (ask.contains("tome")) {
    const Json& tome = ask.at("tome");
    request.shortcuts.tome = Tome{.ratio = tome.at("ratio").get<double>(),
                                  .fixed = !tome.at("use_rand").get<bool>(),
                                  .max_downsample = tome.value("max_downsample", 1),
                                  .cross_attention = tome.value("merge_crossattn", false),
                                  .feed_forward = tome.value("merge_mlp", false)};
  }
  add_pictures(fixture, request);
  add_adapters(ask, request);
  return request;
}

/// The case's scheduler settings over those of the model's file, as the reference's `from_config` applies them.
Settings scheduler_of(const Model& model, const Json& ask) {
  Json file = model.scheduler.json();
  for (const auto& [key, value] : ask.at("scheduler").items()) file[key == "cls" ? "_class_name" : key] = value;
  return {file, "case"};
}

/// What the reference computed after each step, against what comes along here.
class Comparison {
 public:
  explicit Comparison(const Fixture& fixture) : fixture_(fixture) {}

  void tell(const Progress& progress) {
    if (progress.phase != Progress::Phase::denoise || progress.step == 0) return;
    const std::string step = std::to_string(progress.step - 1);
    if (!fixture_.has("latents." + step)) return;
    EXPECT_NEAR(fixture_.values("timestep." + step).at(0), progress.timestep, 1e-3) << "step " << step;
    const auto expected = fixture_.values("latents." + step);
    const Latents latents = progress.latents();
    const auto [batch, height, width, channels] = latents.shape();
    const std::vector<float> values(latents.values().begin(), latents.values().end());
    const auto found = channels_first(values, {batch, height, width, channels});
    errors_.latents = std::max(errors_.latents, largest_difference(found, expected) / largest(expected));
    ++compared_;
  }

  Errors finish(const Pixels& pixels) {
    EXPECT_GT(compared_, 0) << "no step was compared";
    const double rms = rms_difference(pixels.values, fixture_.values("image"));
    // Which tokens merge is decided by the largest of close numbers: what counts is the picture as a whole.
    if (fixture_.ask.contains("tome")) return {.image_rms = rms};
    return {errors_.latents, largest_difference(pixels.values, fixture_.values("image")), rms};
  }

 private:
  const Fixture& fixture_;
  Errors errors_;
  int compared_ = 0;
};

}  // namespace

Errors run_pipeline_case(const Fixture& fixture, const Device& device) {
  const Json& ask = fixture.ask;
  const auto folder = [&](const char* key) {
    return ask.contains(key) ? (fixtures() / "models" / ask.at(key).get<std::string>()).string() : "";
  };
  const auto model = load_model({.name = folder("model"), .vae = folder("vae")});
  model->scheduler = scheduler_of(*model, ask);
  Request request = request_of(fixture);
  request.lora_mode = device.lora_mode;
  Extras extras;
  EXPECT_TRUE(extras.apply(*model, request).notes.empty());
  const Job job = settle(*model, request, [&](const std::string& name) { return extras.controlnet(*model, name); });

  const auto backend = device.backend();
  Session session(*backend, device.type, device.rounding);
  Comparison comparison(fixture);
  Pixels pixels;
  const auto body = [&](Context& ctx) {
    pixels = make_pictures(ctx, *model, job, {.progress = [&](const Progress& now) { comparison.tell(now); }});
  };
  session.run(body);
  return comparison.finish(pixels);
}

}  // namespace sumi::test
