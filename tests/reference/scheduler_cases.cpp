#include <gtest/gtest.h>

#include "core/rng.h"
#include "reference/cases.h"
#include "schedulers/run.h"

namespace sumi::test {
namespace {

/// The made-up model that the reference's samplers ran on: eps(x, t) = .7 x t / (t + 300) + .1 sin(7 x).
Values predict(const Values& x, double t) {
  Values out;
  for (const float v : x) out.push_back(static_cast<float>(v * (t / (t + 300)) * .7 + .1 * std::sin(7.0 * v)));
  return out;
}

Settings settings_of(const Json& ask) {
  Json file = {{"beta_start", .00085},
               {"beta_end", .012},
               {"beta_schedule", "scaled_linear"},
               {"num_train_timesteps", 1000},
               {"steps_offset", 1}};
  for (const auto& [key, value] : ask.at("scheduler").items()) file[key == "cls" ? "_class_name" : key] = value;
  return Settings(file, "case");
}

/// The reference repeats the sigma of a step that calls the model twice.
Values without_repetition(Values sigmas) {
  sigmas.erase(std::unique(sigmas.begin(), sigmas.end()), sigmas.end());
  return sigmas;
}

bool draws(const Step& step) {
  for (const Combination& update : step.updates) {
    for (const auto& term : update.terms) {
      if (term.slot == Slot::noise) return true;
    }
  }
  return false;
}

}  // namespace

void run_scheduler_case(const Fixture& fixture) {
  // The reference's steps were called with their own default of eta.
  const double eta = fixture.ask.at("scheduler").at("cls") == "TCDScheduler" ? .3 : 0;
  const SchedulerConfig config = resolve(settings_of(fixture.ask), {.eta = eta});
  const Schedule schedule = make_schedule(config, fixture.ask.at("steps").get<int>());
  const auto timesteps = fixture.values("timesteps");
  ASSERT_EQ(timesteps.size(), schedule.steps.size());
  if (fixture.has("sigmas") && !schedule.sigmas.empty()) {
    const auto sigmas = without_repetition(fixture.values("sigmas"));
    ASSERT_EQ(sigmas.size(), schedule.sigmas.size());
    for (std::size_t i = 0; i < sigmas.size(); ++i)
      EXPECT_NEAR(sigmas[i], schedule.sigmas[i], 1e-5 * sigmas.front()) << i;
  }
  const auto noise = make_noise(Rng::cpu, 7);
  Values start(fixture.values("start").size());
  noise->fill(start);
  for (float& v : start) v = static_cast<float>(v * schedule.initial_sigma);
  EXPECT_LT(largest_difference(start, fixture.values("start")), 1e-5 * largest(start));

  // Deterministic samplers agree to 1e-5, except where sigma begins at 4096 (zero SNR): the float32 of the reference
  // cancels there, and float64 with its own sigmas differs from it by 2.6e-5.
  const bool random = std::any_of(schedule.steps.begin(), schedule.steps.end(), draws);
  const bool cancels = !schedule.sigmas.empty() && schedule.sigmas.front() > 1000;
  const double tolerance = random || cancels ? 1e-4 : 1e-5;
  Runner runner(predict, [&] {
    Values values(start.size());
    noise->fill(values);
    return values;
  });
  runner.set_sample(start);
  for (std::size_t i = 0; i < schedule.steps.size(); ++i) {
    EXPECT_NEAR(timesteps[i], schedule.steps[i].timestep, 1e-3) << "step " << i;
    runner.step(schedule.steps[i]);
    const std::string name = "x." + std::to_string(i);
    if (!fixture.has(name)) continue;
    const auto expected = fixture.values(name);
    EXPECT_LT(largest_difference(runner.sample(), expected) / largest(expected), tolerance) << "step " << i;
  }
}

}  // namespace sumi::test
