#include <cmath>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "schedulers/noise_schedule.h"
#include "schedulers/sampler.h"
#include "support/fixture.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

const Json nothing = Json::object();

SchedulerConfig resolved(Json file, const Sampling& choice = {}) {
  return resolve(Settings(std::move(file), "scheduler_config.json"), choice);
}

TEST(Samplers, AreThoseOfTheCases) {
  std::set<std::string> classes;
  for (const auto& entry : std::filesystem::directory_iterator(fixtures() / "cases")) {
    if (entry.path().extension() != ".json") continue;
    const Json ask = read_json(entry.path());
    if (ask.contains("scheduler")) classes.insert(ask.at("scheduler").at("cls").get<std::string>());
  }
  EXPECT_EQ(classes.size(), 15u);
  for (const std::string& name : classes)
    EXPECT_EQ(find_sampler(resolved({{"_class_name", name}}).sampler).reference, name);
}

// The reference's own settings after another sampler replaced the model's, for every pipeline case that has them.
TEST(Resolve, GivesWhatTheReferenceGives) {
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(fixtures() / "cases")) {
    if (!entry.path().stem().string().starts_with("txt2img-") || entry.path().extension() != ".json") continue;
    const Json ask = read_json(entry.path()), effective = ask.at("effective").at("scheduler");
    const auto model = fixtures() / "models" / ask.at("model").get<std::string>() / "scheduler/scheduler_config.json";
    if (!std::filesystem::exists(model)) continue;
    SCOPED_TRACE(entry.path().stem().string());
    Json file = read_json(model);
    for (const auto& [key, value] : ask.at("scheduler").items()) file[key == "cls" ? "_class_name" : key] = value;
    const SchedulerConfig config = resolved(file);
    const auto is = [&](const char* key, const Json& value) {
      if (effective.contains(key)) {
        EXPECT_EQ(effective.at(key), value) << key;
      }
    };
    if (find_sampler(config.sampler).spaced) is("timestep_spacing", config.spacing);
    is("prediction_type", std::string(name_of(config.prediction)));
    is("steps_offset", config.steps_offset);
    is("rescale_betas_zero_snr", config.zero_snr);
    is("clip_sample", config.clip.has_value());
    is("use_karras_sigmas", config.schedule == "karras");
    is("use_exponential_sigmas", config.schedule == "exponential");
    is("use_beta_sigmas", config.schedule == "beta");
    is("solver_order", config.order);
    is("lower_order_final", config.lower_order_final);
    is("set_alpha_to_one", config.set_alpha_to_one);
    is("skip_prk_steps", config.skip_prk_steps);
    is("original_inference_steps", config.original_steps);
    ++compared;
  }
  EXPECT_GE(compared, 30);
}

TEST(Resolve, KeepsWhatTheFileSetsForAnotherSampler) {
  const Json file = {{"_class_name", "PNDMScheduler"},
                     {"timestep_spacing", "trailing"},
                     {"use_karras_sigmas", true},
                     {"prediction_type", "v_prediction"},
                     {"clip_sample", false},
                     {"algorithm_type", "deis"},
                     {"solver_type", "bh2"}};
  const SchedulerConfig dpm = resolved(file, {.sampler = "dpmpp-2m"});
  EXPECT_EQ(dpm.spacing, "trailing");
  EXPECT_EQ(dpm.schedule, "karras");
  EXPECT_EQ(dpm.prediction, Prediction::velocity);
  EXPECT_FALSE(dpm.heun);
  const SchedulerConfig ddim = resolved(file, {.sampler = "ddim"});
  EXPECT_EQ(ddim.schedule, "default") << "it has none of its own, and nobody asked";
  EXPECT_FALSE(ddim.clip);
  EXPECT_EQ(resolved(file, {.schedule = "default", .spacing = "leading"}).spacing, "leading");
}

TEST(Resolve, TakesTheSamplersDefaults) {
  EXPECT_EQ(resolved({{"_class_name", "DDIMScheduler"}}).clip, 1.0);
  EXPECT_FALSE(resolved({{"_class_name", "PNDMScheduler"}}).set_alpha_to_one);
  EXPECT_FLOAT_EQ(static_cast<float>(resolved({{"_class_name", "LCMScheduler"}}).betas.front()), .00085f);
  EXPECT_FLOAT_EQ(static_cast<float>(resolved({{"_class_name", "DDIMScheduler"}}).betas.back()), .02f);
  EXPECT_EQ(resolved({{"_class_name", "DPMSolverMultistepScheduler"}, {"algorithm_type", "sde-dpmsolver++"}}).sampler,
            "dpmpp-2m-sde");
  EXPECT_EQ(
      resolved(
          {{"_class_name", "DPMSolverMultistepScheduler"}, {"algorithm_type", "sde-dpmsolver++"}, {"solver_order", 3}})
          .sampler,
      "dpmpp-3m-sde");
}

TEST(Resolve, TakesTrainedBetas) {
  const SchedulerConfig config = resolved({{"num_train_timesteps", 3}, {"trained_betas", {.1, .2, .3}}});
  EXPECT_EQ(config.betas, (std::vector<double>{.1, .2, .3}));
  const NoiseSchedule process(config);
  EXPECT_NEAR(process.alpha(2), .9 * .8 * .7, 1e-7);
}

TEST(Resolve, NamesTheNearestOfAnUnknownName) {
  expect_error(ErrorCode::usage, "did you mean euler", [] { resolved(nothing, {.sampler = "eular"}); });
  expect_error(ErrorCode::usage, "did you mean karras?",
               [] { resolved(nothing, {.sampler = "euler", .schedule = "karas"}); });
  expect_error(ErrorCode::usage, "did you mean trailing?", [] { resolved(nothing, {.spacing = "trailling"}); });
}

TEST(Resolve, TakesTheScheduleThatANameCarriesUnlessOneIsChosen) {
  EXPECT_EQ(resolved(nothing, {.sampler = "DPM++ 2M Karras"}).schedule, "karras");
  EXPECT_EQ(resolved(nothing, {.sampler = "DPM++ 2M Karras", .schedule = "beta"}).schedule, "beta");
  EXPECT_EQ(resolved(nothing, {.sampler = "DPM++ 2M Karras", .schedule = "default"}).schedule, "default");
  EXPECT_TRUE(resolved(nothing, {.sampler = "DPM++ 2M SDE Heun"}).heun);
  expect_error(ErrorCode::usage, "'karras' does not go with sampler 'ddim'",
               [] { resolved(nothing, {.sampler = "DDIM Karras"}); });
}

TEST(Resolve, SaysWhatIsNearToANameThatIsNotBuilt) {
  expect_error(ErrorCode::usage, "sampler 'DPM++ 2S a Karras' is not built here; the nearest is --sampler dpmpp-sde",
               [] { resolved(nothing, {.sampler = "DPM++ 2S a Karras"}); });
  expect_error(ErrorCode::bad_file, "RePaintScheduler is not built here; the nearest is --sampler ddpm", [] {
    resolved({{"_class_name", "RePaintScheduler"}});
  });
  expect_error(ErrorCode::usage, "did you mean Restart?", [] { resolved(nothing, {.sampler = "Restrat"}); });
}

TEST(Resolve, RefusesChoicesThatTheSamplerDoesNotHave) {
  expect_error(ErrorCode::usage, "'karras' does not go with sampler 'ddim'",
               [] { resolved(nothing, {.sampler = "ddim", .schedule = "karras"}); });
  expect_error(ErrorCode::usage, "'trailing' does not go with sampler 'lcm'",
               [] { resolved(nothing, {.sampler = "lcm", .spacing = "trailing"}); });
  expect_error(ErrorCode::usage, "sampler 'euler' has none",
               [] { resolved(nothing, {.sampler = "euler", .eta = .5}); });
  for (const double eta : {std::nan(""), -.1, 1.1, double{INFINITY}}) {
    expect_error(ErrorCode::usage, "expected 0 to 1", [&] { resolved(nothing, {.sampler = "ddim", .eta = eta}); });
  }
}

TEST(Resolve, RefusesFilesThatMakeNoSense) {
  const auto refused = [](const char* text, const Json& file) {
    expect_error(ErrorCode::bad_file, text, [&] { resolved(file); });
  };
  refused("_class_name", {{"_class_name", "NobodysScheduler"}});
  refused("thresholding", {{"thresholding", true}});
  refused("beta_schedule", {{"beta_schedule", "cosine"}});
  refused("no noise schedule", {{"beta_start", .5}, {"beta_end", .1}});
  refused("no noise schedule", {{"beta_start", 0}});
  refused("expected a number", {{"beta_start", "a"}});
  refused("num_train_timesteps", {{"num_train_timesteps", 1}});
  refused("num_train_timesteps", {{"num_train_timesteps", 1e9}});
  refused("steps_offset", {{"steps_offset", -1}});
  refused("steps_offset", {{"steps_offset", 1000}});
  refused("trained_betas", {{"trained_betas", {.1, .2}}});
  refused("trained_betas", {{"num_train_timesteps", 2}, {"trained_betas", {.1, 2}}});
  refused("prediction_type", {{"prediction_type", "flow"}});
  refused("prediction_type", {{"_class_name", "PNDMScheduler"}, {"prediction_type", "sample"}});
  refused("noise alone", {{"_class_name", "DDIMScheduler"}, {"rescale_betas_zero_snr", true}});
  refused("solver_order", {{"_class_name", "UniPCMultistepScheduler"}, {"solver_order", 4}});
  refused("algorithm_type", {{"_class_name", "DPMSolverMultistepScheduler"}, {"algorithm_type", "dpmsolver"}});
  refused("predict_x0", {{"_class_name", "UniPCMultistepScheduler"}, {"predict_x0", false}});
  refused("variance_type", {{"_class_name", "DDPMScheduler"}, {"variance_type", "learned"}});
  refused("timestep_type", {{"_class_name", "EulerDiscreteScheduler"}, {"timestep_type", "continuous"}});
  refused("clip_sample_range", {{"_class_name", "DDIMScheduler"}, {"clip_sample_range", 0}});
  refused("final_sigmas_type", {{"final_sigmas_type", "half"}});
}

}  // namespace
}  // namespace sumi::test
