#include <cmath>
#include <functional>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "schedulers/run.h"
#include "support/fixture.h"

namespace sumi::test {
namespace {

constexpr const char* kSamplers[] = {"dpmpp-sde", "dpmpp-3m-sde"};

/// The clean sample as a model sees it in y = x0 + sigma * noise.
using Denoiser = std::function<double(double y, double sigma)>;

Schedule schedule_of(const std::string& sampler, const std::string& curve, int steps) {
  const Json file = {{"beta_start", .00085}, {"beta_end", .012}, {"beta_schedule", "scaled_linear"}};
  return make_schedule(resolve(Settings(file, "file"), {.sampler = sampler, .schedule = curve}), steps);
}

double sigma_of(const Step& step) { return step.noise / step.signal; }

/// Called before each step with the sample so far, in y.
using Look = std::function<void(std::size_t step, const Values& y)>;

/// Runs a schedule from `start` in y to its end. The model sees the sigma that the step counts with, not that of its
/// timestep, which some samplers round.
Values run(const Schedule& schedule, const Denoiser& denoiser, const Values& start, std::function<Values()> draw,
           const Look& look = {}) {
  const Step* now = nullptr;
  const ToyModel model = [&](const Values& input, double) {
    const double sigma = sigma_of(*now), scale = std::sqrt(sigma * sigma + 1);
    Values noise;
    for (const float v : input) {
      const double y = static_cast<double>(v) * scale;
      noise.push_back(static_cast<float>((y - denoiser(y, sigma)) / sigma));
    }
    return noise;
  };
  Runner runner(model, std::move(draw));
  const auto scaled = [](Values values, double by) {
    for (float& value : values) value = static_cast<float>(static_cast<double>(value) * by);
    return values;
  };
  runner.set_sample(scaled(start, schedule.steps.front().signal));
  for (std::size_t i = 0; i < schedule.steps.size(); ++i) {
    now = &schedule.steps[i];
    if (look) look(i, scaled(runner.sample(), 1 / now->signal));
    runner.step(*now);
  }
  return runner.sample();
}

// The noise comes from the file, in the order in which samplers draw it.
TEST(SdeSamplers, EndWhereKDiffusionEndsWithTheSameNoise) {
  const Json file = read_json(fixtures() / "sde-samplers.json");
  const auto sigmas = file.at("sigmas").get<std::vector<double>>();
  for (const std::string sampler : kSamplers) {
    const Schedule schedule = schedule_of(sampler, "karras", static_cast<int>(sigmas.size()) - 1);
    ASSERT_EQ(schedule.sigmas.size(), sigmas.size());
    // The least sigma is the root of 8.5e-4, a difference from 1 that float32 knows to 1e-4 / 2 of itself.
    for (std::size_t i = 0; i < sigmas.size(); ++i) EXPECT_NEAR(schedule.sigmas[i], sigmas[i], 4e-5 * sigmas[i]);
    Values start = file.at("start").get<Values>();
    for (float& value : start) value *= static_cast<float>(sigmas.front());
    std::size_t drawn = 0;
    const Values end = run(
        schedule, [](double y, double sigma) { return .8 * std::tanh(y / std::sqrt(sigma * sigma + 1)); }, start,
        [&] { return file.at("noise").at(drawn++).get<Values>(); });
    const auto expected = file.at("ends").at(sampler).get<std::vector<double>>();
    for (std::size_t i = 0; i < end.size(); ++i) EXPECT_NEAR(end[i], expected[i], 2e-5) << sampler;
  }
}

/// The error at the end of a run without noise on dy/dsigma = 2 (y - x0) / sigma where y = 1 / (1 + sigma) solves it.
double error_without_noise(const std::string& sampler, int steps) {
  const auto solution = [](double sigma) { return 1 / (1 + sigma); };
  const Schedule schedule = schedule_of(sampler, "exponential", steps);
  const Denoiser denoiser = [&](double y, double sigma) {
    return solution(sigma) + sigma / (2 * (1 + sigma) * (1 + sigma)) + (y - solution(sigma)) / 2;
  };
  const Step* last = nullptr;
  double reached = 0;
  const auto look = [&](std::size_t i, const Values& y) {
    if (schedule.steps[i].inner) return;
    last = &schedule.steps[i];
    reached = static_cast<double>(y.front());
  };
  run(
      schedule, denoiser, {static_cast<float>(solution(sigma_of(schedule.steps.front())))}, [] { return Values(1); },
      look);
  return std::abs(reached - solution(sigma_of(*last)));
}

// Halving the steps of a method of order two divides its error by four. k-diffusion's three-call form weighs the second
// difference by half, so its order is two as well; in 40 steps its error is 1.1e-4 where
// dpmpp-2m-sde's is 4.0e-4.
TEST(SdeSamplers, AreOfSecondOrderWithoutNoise) {
  for (const char* sampler : kSamplers) {
    const double coarse = error_without_noise(sampler, 40), fine = error_without_noise(sampler, 80);
    EXPECT_GT(coarse / fine, 3.2) << sampler;
    EXPECT_LT(coarse / fine, 4.5) << sampler;
  }
  EXPECT_LT(error_without_noise("dpmpp-3m-sde", 40), error_without_noise("dpmpp-2m-sde", 40) / 3);
}

struct Gaussian {
  std::mt19937_64 random{5};
  std::normal_distribution<float> normal{};
  std::size_t count = 1 << 14;

  Values draw() {
    Values values(count);
    for (float& value : values) value = normal(random);
    return values;
  }
  Values draw(double deviation) {
    Values values = draw();
    for (float& value : values) value *= static_cast<float>(deviation);
    return values;
  }
};

double variance(const Values& values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum / static_cast<double>(values.size());
}

// For a picture of zeros the sample is noise of variance sigma^2 before every call, the inner ones too.
TEST(SdeSamplers, AddTheNoiseThatTheNextSigmaAsksFor) {
  for (const char* sampler : kSamplers) {
    Gaussian noise;
    const Schedule schedule = schedule_of(sampler, "karras", 12);
    const auto look = [&](std::size_t i, const Values& y) {
      const double sigma = sigma_of(schedule.steps[i]);
      EXPECT_NEAR(variance(y) / (sigma * sigma), 1, .04) << sampler << ", step " << i;
    };
    run(
        schedule, [](double, double) { return 0.; }, noise.draw(sigma_of(schedule.steps.front())),
        [&] { return noise.draw(); }, look);
  }
}

// Pictures of variance .25, whose best estimate is .25 / (.25 + sigma^2) y: the end has their distribution.
TEST(SdeSamplers, EndWithTheDistributionOfThePictures) {
  constexpr double kVariance = .25;
  for (const char* sampler : kSamplers) {
    Gaussian noise;
    const Schedule schedule = schedule_of(sampler, "karras", 60);
    const double first = sigma_of(schedule.steps.front());
    const Values end = run(
        schedule, [](double y, double sigma) { return kVariance / (kVariance + sigma * sigma) * y; },
        noise.draw(std::sqrt(kVariance + first * first)), [&] { return noise.draw(); });
    EXPECT_NEAR(variance(end) / kVariance, 1, .05) << sampler;
  }
}

}  // namespace
}  // namespace sumi::test
