#include <gtest/gtest.h>

#include "backend/cpu/cpu.h"
#include "backend/ref/host.h"
#include "pipelines/session.h"
#include "pipelines/text_to_image.h"
#include "reference/cases.h"

namespace sumi::test {
namespace {

Request request_of(const Json& ask) {
  const auto number = [&](const char* key, double otherwise) { return ask.value(key, otherwise); };
  Request request{.prompt = ask.at("prompt").get<std::string>(),
                  .steps = ask.at("num_inference_steps").get<int>(),
                  .guidance = number("guidance_scale", 7.5),
                  .guidance_rescale = number("guidance_rescale", 0),
                  .seed = ask.at("seed").get<std::uint64_t>(),
                  .batch = ask.value("num_images_per_prompt", 1),
                  .clip_skip = ask.value("clip_skip", 0)};
  if (ask.contains("negative_prompt") && ask["negative_prompt"].is_string()) request.negative = ask["negative_prompt"];
  request.height = ask.at("effective").at("height").get<int>();
  request.width = ask.at("effective").at("width").get<int>();
  request.sampling.eta = number("eta", 0);
  return request;
}

/// The case's scheduler settings over those of the model's file, as the reference's `from_config` applies them.
SchedulerConfig scheduler_of(const Model& model, const Json& ask) {
  Json file = model.scheduler.json();
  for (const auto& [key, value] : ask.at("scheduler").items()) file[key == "cls" ? "_class_name" : key] = value;
  return resolve(Settings(file, "case"), {.eta = ask.value("eta", 0.0)});
}

/// What the reference computed after each step, against what comes along here.
class Comparison {
 public:
  explicit Comparison(const Fixture& fixture) : fixture_(fixture) {}

  void step(int i, double timestep, Context& ctx, const Tensor& latents) {
    if (ctx.backend.dry()) return;
    const std::string name = "latents." + std::to_string(i);
    if (!fixture_.has(name)) return;
    EXPECT_NEAR(fixture_.values("timestep." + std::to_string(i)).at(0), timestep, 1e-3) << "step " << i;
    const auto expected = fixture_.values(name);
    const auto found = channels_first(ctx.download(latents), latents.shape());
    errors_.latents = std::max(errors_.latents, largest_difference(found, expected) / largest(expected));
    ++compared_;
  }

  Errors finish(const Pixels& pixels) {
    EXPECT_GT(compared_, 0) << "no step was compared";
    errors_.image = largest_difference(pixels.values, fixture_.values("image"));
    return errors_;
  }

 private:
  const Fixture& fixture_;
  Errors errors_;
  int compared_ = 0;
};

}  // namespace

Errors run_pipeline_case(const Fixture& fixture, const Device& device) {
  const Json& ask = fixture.ask;
  const auto model = load_model((fixtures() / "models" / ask.at("model").get<std::string>()).string());
  Job job = settle(*model, request_of(ask));
  job.scheduler = scheduler_of(*model, ask);
  job.schedule = make_schedule(job.scheduler, *request_of(ask).steps);

  const auto backend = device.name == "ref" ? make_ref_backend() : make_cpu_backend();
  Session session(*backend, device.type);
  Comparison comparison(fixture);
  Pixels pixels;
  const auto body = [&](Context& ctx) {
    pixels =
        text_to_image(ctx, *model, job, {.step = [&](int i, double timestep, Context& here, const Tensor& latents) {
                        comparison.step(i, timestep, here, latents);
                      }});
  };
  session.run(session.plan(body), body);
  return comparison.finish(pixels);
}

}  // namespace sumi::test
