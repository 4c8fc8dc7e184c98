#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "core/json.h"
#include "schedulers/run.h"

namespace sumi::test {
namespace {

/// A run that the reference publishes a number for: ten steps of the model x t / (t + 1) from x = 0/768 .. 767/768,
/// with betas linear from .0001 to .02.
struct Published {
  const char* name;
  Json file;
  int steps;
  double sum;                          ///< of the absolute values at the end
  double tolerance;                    ///< half of the last digit given, or what the reference's own tests allow
  bool input_replaces_sample = false;  ///< its loop goes on from the scaled input
};

double sum_of_run(const Published& run) {
  const Schedule schedule = make_schedule(resolve(Settings(run.file, "file"), {}), run.steps);
  const ToyModel model = [](const Values& x, double t) {
    Values out;
    for (const float value : x) out.push_back(static_cast<float>(static_cast<double>(value) * t / (t + 1)));
    return out;
  };
  Runner runner(model, [] { return Values(768); });
  Values x;
  for (int i = 0; i < 768; ++i) x.push_back(static_cast<float>(i / 768.0 * schedule.initial_sigma));
  runner.set_sample(x);
  for (const Step& step : schedule.steps) {
    if (run.input_replaces_sample) {
      Values scaled = runner.sample();
      for (float& value : scaled) value = static_cast<float>(static_cast<double>(value) * step.input_scale);
      runner.set_sample(scaled);
      Step rest = step;
      rest.input_scale = 1;
      runner.step(rest);
    } else {
      runner.step(step);
    }
  }
  double sum = 0;
  for (const float value : runner.sample()) sum += std::abs(static_cast<double>(value));
  return sum;
}

Json ddim() { return {{"_class_name", "DDIMScheduler"}}; }
Json velocity(Json file) {
  file["prediction_type"] = "v_prediction";
  return file;
}
Json euler() { return {{"_class_name", "EulerDiscreteScheduler"}, {"num_train_timesteps", 1100}}; }
Json karras(Json file) {
  file["use_karras_sigmas"] = true;
  return file;
}
Json dpm() {
  return {
      {"_class_name", "DPMSolverMultistepScheduler"}, {"lower_order_final", false}, {"final_sigmas_type", "sigma_min"}};
}
Json lcm() { return {{"_class_name", "LCMScheduler"}}; }
Json pndm() { return {{"_class_name", "PNDMScheduler"}}; }

TEST(PublishedRuns, EndAtTheirSums) {
  const Published runs[] = {{"ddim", ddim(), 10, 172.0067, 1e-2},
                            {"ddim, velocity", velocity(ddim()), 10, 52.5302, 1e-2},
                            {"euler", euler(), 10, 10.0807, 1e-2, true},
                            {"euler, karras", karras(euler()), 10, 124.523, 1e-2, true},
                            {"dpmpp-2m", dpm(), 10, .3301 * 768, 1e-3 * 768},
                            {"dpmpp-2m, velocity", velocity(dpm()), 10, .2251 * 768, 1e-3 * 768},
                            {"lcm", lcm(), 1, 18.7097, 1e-3},
                            {"pndm with its Runge-Kutta start", pndm(), 10, 198.1318, 1e-2}};
  for (const Published& run : runs) {
    EXPECT_NEAR(sum_of_run(run), run.sum, run.tolerance) << run.name;
  }
}

}  // namespace
}  // namespace sumi::test
