#include <cmath>
#include <set>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "schedulers/noise_schedule.h"
#include "schedulers/run.h"
#include "support/scratch.h"

namespace sumi::test {
namespace {

Json stable_diffusion() {
  return {{"beta_start", .00085},        {"beta_end", .012},  {"beta_schedule", "scaled_linear"},
          {"num_train_timesteps", 1000}, {"steps_offset", 1}, {"skip_prk_steps", true}};
}

SchedulerConfig config_of(const std::string& sampler, Json file = stable_diffusion()) {
  return resolve(Settings(std::move(file), "file"), {.sampler = sampler});
}

/// What every schedule keeps to, whatever the sampler.
void expect_sound(const SchedulerConfig& config, int steps, const Schedule& schedule) {
  SCOPED_TRACE(config.sampler + ", " + config.spacing + ", " + std::to_string(steps) + " steps");
  ASSERT_GE(schedule.steps.size(), static_cast<std::size_t>(steps));
  std::set<int> written;
  for (const Step& step : schedule.steps) {
    EXPECT_GE(step.timestep, 0);
    EXPECT_LT(step.timestep, config.train_steps);
    bool moved = false;
    for (const Combination& update : step.updates) {
      const int to = static_cast<int>(update.to) - static_cast<int>(Slot::kept);
      EXPECT_TRUE(update.to == Slot::sample || (to >= 0 && to < schedule.kept));
      for (const auto& term : update.terms) {
        EXPECT_TRUE(std::isfinite(term.coefficient));
        EXPECT_TRUE(term.slot < Slot::kept || written.contains(static_cast<int>(term.slot))) << "read before written";
      }
      written.insert(static_cast<int>(update.to));
      moved = moved || update.to == Slot::sample;
    }
    EXPECT_TRUE(moved);
  }
  EXPECT_EQ(written.size(), static_cast<std::size_t>(schedule.kept) + 1) << "kept slots that nothing uses";
}

TEST(Schedules, AreSoundOrRefusedForEverySamplerSpacingAndLength) {
  int made = 0;
  for (const std::string& sampler : sampler_names()) {
    for (const char* spacing : {"leading", "trailing", "linspace"}) {
      Json file = stable_diffusion();
      file["timestep_spacing"] = spacing;
      const SchedulerConfig config = config_of(sampler, file);
      for (const int steps : {4, 5, 8, 15, 16, 50, 51, 333, 999, 1000}) {
        Schedule schedule;
        try {
          schedule = make_schedule(config, steps);
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), ErrorCode::usage) << error.what();
          EXPECT_GT(steps, 50) << error.what();
          continue;
        }
        expect_sound(config, steps, schedule);
        ++made;
      }
    }
  }
  EXPECT_GT(made, 400);
}

TEST(Schedules, OfZeroTerminalSnrStartFromNoiseAlone) {
  Json file = stable_diffusion();
  file.update(
      {{"rescale_betas_zero_snr", true}, {"prediction_type", "v_prediction"}, {"timestep_spacing", "trailing"}});
  for (const std::string& sampler : sampler_names()) {
    const SchedulerConfig config = config_of(sampler, file);
    if (!config.zero_snr) continue;
    const Schedule schedule = make_schedule(config, 8);
    const Step& first = schedule.steps.front();
    EXPECT_EQ(first.timestep, 999) << sampler;
    EXPECT_LT(first.signal / first.noise, 1e-3) << sampler;
    expect_sound(config, 8, schedule);
  }
}

/// The noise that is in a sample of `clean`, as a model that knows the clean picture predicts it.
ToyModel perfect_model(const SchedulerConfig& config, const Values& clean) {
  const NoiseSchedule process(config);
  return [process, clean](const Values& input, double timestep) {
    const auto below = static_cast<int>(timestep);
    const double part = timestep - below, sigma0 = process.sigmas()[static_cast<std::size_t>(below)];
    const double sigma1 = process.sigmas()[static_cast<std::size_t>(std::min(below + 1, 999))];
    const double sigma = sigma0 + part * (sigma1 - sigma0), alpha = 1 / std::sqrt(sigma * sigma + 1);
    Values noise;
    for (std::size_t i = 0; i < input.size(); ++i) {
      noise.push_back(static_cast<float>((static_cast<double>(input[i]) - alpha * static_cast<double>(clean[i])) /
                                         (sigma * alpha)));
    }
    return noise;
  };
}

/// A model that always knows the clean picture, from the step `begin` on: the sampler must end at the picture, and
/// every estimate on the way must be it.
void expect_to_reach_the_picture(const std::string& sampler, int begin) {
  SCOPED_TRACE(fmt::format("{} from step {}", sampler, begin));
  const Values clean = {.5f, -1.f, 0.f, .9f}, noise = {1.f, .3f, -.7f, -1.2f};
  const SchedulerConfig config = config_of(sampler);
  const Schedule schedule = make_schedule(config, {10, begin});
  Runner runner(perfect_model(config, clean), [&] { return noise; });
  const Step& first = schedule.steps.front();
  Values start;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    start.push_back(
        static_cast<float>(first.signal * static_cast<double>(clean[i]) + first.noise * static_cast<double>(noise[i])));
  }
  runner.set_sample(start);
  for (const Step& step : schedule.steps) {
    const Values estimate = runner.estimate(step);
    // Rounded and truncated timesteps differ from their sigmas by less than this.
    for (std::size_t i = 0; i < clean.size(); ++i) EXPECT_NEAR(estimate[i], clean[i], .1);
    runner.step(step);
  }
  // Samplers that end above sigma 0 leave the noise of timestep 0 or 1, .03 to .04.
  for (std::size_t i = 0; i < clean.size(); ++i) EXPECT_NEAR(runner.sample()[i], clean[i], .1);
}

TEST(Schedules, LeadAPerfectModelToItsPicture) {
  for (const std::string& sampler : sampler_names()) {
    for (const int begin : {0, 4, 7, 9}) {
      // PNDM's repetition of its start takes another timestep's way then, as the reference does.
      if (sampler != "pndm" || begin == 0) expect_to_reach_the_picture(sampler, begin);
    }
  }
}

TEST(Schedules, RefuseNumbersOfStepsThatMakeNoSense) {
  const SchedulerConfig euler = config_of("euler");
  for (const int steps : {0, -1, 1001}) {
    expect_error(ErrorCode::usage, "expected 1 to 1000", [&] { make_schedule(euler, steps); });
  }
  for (const char* sampler : {"lcm", "tcd"}) {
    expect_error(ErrorCode::usage, "distilled on 50", [&] { make_schedule(config_of(sampler), 51); });
  }
  Json file = stable_diffusion();
  file["skip_prk_steps"] = false;
  expect_error(ErrorCode::usage, "Runge-Kutta", [&] { make_schedule(config_of("pndm", file), 3); });
  expect_error(ErrorCode::usage, "take fewer", [&] { make_schedule(config_of("dpmpp-2m"), 1000); });
}

}  // namespace
}  // namespace sumi::test
