#include "schedulers/names.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "schedulers/sampler.h"

namespace sumi::test {
namespace {

/// "sampler", "sampler schedule", "sampler heun schedule", or "~nearest" for what is not built.
std::string meaning(const std::string& name) {
  const auto found = understand_sampler(name);
  if (!found) return "?";
  return fmt::format("{}{}{}{}{}", found->built ? "" : "~", found->sampler, found->heun ? " heun" : "",
                     found->schedule.empty() ? "" : " ", found->schedule);
}

using Meanings = std::map<std::string, std::string>;

// All that A1111 has shown: up to 1.8 with the schedule in the name, since 1.9 beside it.
const Meanings a1111 = {{"DPM++ 2M Karras", "dpmpp-2m karras"},
                        {"DPM++ SDE Karras", "dpmpp-sde karras"},
                        {"DPM++ 2M SDE Exponential", "dpmpp-2m-sde exponential"},
                        {"DPM++ 2M SDE Karras", "dpmpp-2m-sde karras"},
                        {"Euler a", "euler-a"},
                        {"Euler", "euler"},
                        {"LMS", "lms"},
                        {"Heun", "heun"},
                        {"DPM2", "dpm2"},
                        {"DPM2 a", "dpm2-a"},
                        {"DPM++ 2S a", "~dpmpp-sde"},
                        {"DPM++ 2M", "dpmpp-2m"},
                        {"DPM++ SDE", "dpmpp-sde"},
                        {"DPM++ 2M SDE", "dpmpp-2m-sde"},
                        {"DPM++ 2M SDE Heun", "dpmpp-2m-sde heun"},
                        {"DPM++ 2M SDE Heun Karras", "dpmpp-2m-sde heun karras"},
                        {"DPM++ 2M SDE Heun Exponential", "dpmpp-2m-sde heun exponential"},
                        {"DPM++ 3M SDE", "dpmpp-3m-sde"},
                        {"DPM++ 3M SDE Karras", "dpmpp-3m-sde karras"},
                        {"DPM++ 3M SDE Exponential", "dpmpp-3m-sde exponential"},
                        {"DPM fast", "~dpmpp-2s"},
                        {"DPM adaptive", "~dpmpp-2m"},
                        {"LMS Karras", "lms karras"},
                        {"DPM2 Karras", "dpm2 karras"},
                        {"DPM2 a Karras", "dpm2-a karras"},
                        {"DPM++ 2S a Karras", "~dpmpp-sde karras"},
                        {"Restart", "~heun"},
                        {"DDIM", "ddim"},
                        {"DDIM CFG++", "~ddim"},
                        {"PLMS", "pndm"},
                        {"UniPC", "unipc"},
                        {"LCM", "lcm"}};

// The scheduler classes that diffusers 0.35 exports; what is not built is for other kinds of models or other tasks.
const Meanings diffusers = {{"AmusedScheduler", "~"},
                            {"CMStochasticIterativeScheduler", "~lcm"},
                            {"CogVideoXDDIMScheduler", "~ddim"},
                            {"CogVideoXDPMScheduler", "~dpmpp-2m-sde"},
                            {"ConsistencyDecoderScheduler", "~lcm"},
                            {"CosineDPMSolverMultistepScheduler", "~dpmpp-2m-sde"},
                            {"DDIMInverseScheduler", "~ddim"},
                            {"DDIMParallelScheduler", "ddim"},
                            {"DDIMScheduler", "ddim"},
                            {"DDPMParallelScheduler", "ddpm"},
                            {"DDPMScheduler", "ddpm"},
                            {"DDPMWuerstchenScheduler", "~ddpm"},
                            {"DEISMultistepScheduler", "deis"},
                            {"DPMSolverMultistepInverseScheduler", "~dpmpp-2m"},
                            {"DPMSolverMultistepScheduler", "dpmpp-2m"},
                            {"DPMSolverSDEScheduler", "dpmpp-sde"},
                            {"DPMSolverSinglestepScheduler", "dpmpp-2s"},
                            {"EDMDPMSolverMultistepScheduler", "~dpmpp-2m"},
                            {"EDMEulerScheduler", "~euler"},
                            {"EulerAncestralDiscreteScheduler", "euler-a"},
                            {"EulerDiscreteScheduler", "euler"},
                            {"FlowMatchEulerDiscreteScheduler", "~euler"},
                            {"FlowMatchHeunDiscreteScheduler", "~heun"},
                            {"FlowMatchLCMScheduler", "~lcm"},
                            {"HeunDiscreteScheduler", "heun"},
                            {"IPNDMScheduler", "~pndm"},
                            {"KDPM2AncestralDiscreteScheduler", "dpm2-a"},
                            {"KDPM2DiscreteScheduler", "dpm2"},
                            {"KarrasVeScheduler", "~euler"},
                            {"LCMScheduler", "lcm"},
                            {"LMSDiscreteScheduler", "lms"},
                            {"PNDMScheduler", "pndm"},
                            {"RePaintScheduler", "~ddpm"},
                            {"SASolverScheduler", "~dpmpp-2m-sde"},
                            {"SCMScheduler", "~lcm"},
                            {"ScoreSdeVeScheduler", "~euler-a"},
                            {"ScoreSdeVpScheduler", "~ddpm"},
                            {"TCDScheduler", "tcd"},
                            {"UnCLIPScheduler", "~ddpm"},
                            {"UniPCMultistepScheduler", "unipc"},
                            {"VQDiffusionScheduler", "~"},
                            {"FlaxDDIMScheduler", "ddim"},
                            {"FlaxDDPMScheduler", "ddpm"},
                            {"FlaxDPMSolverMultistepScheduler", "dpmpp-2m"},
                            {"FlaxEulerDiscreteScheduler", "euler"},
                            {"FlaxKarrasVeScheduler", "~euler"},
                            {"FlaxLMSDiscreteScheduler", "lms"},
                            {"FlaxPNDMScheduler", "pndm"},
                            {"FlaxScoreSdeVeScheduler", "~euler-a"}};

// The schedule types of A1111 1.10: Sumi's name, or the option that comes nearest.
const std::map<std::string, std::string> a1111_schedules = {{"Automatic", ""},
                                                            {"Uniform", "default"},
                                                            {"Karras", "karras"},
                                                            {"Exponential", "exponential"},
                                                            {"Polyexponential", "exponential"},
                                                            {"SGM Uniform", "--spacing trailing"},
                                                            {"KL Optimal", "--schedule karras"},
                                                            {"Align Your Steps", "--schedule karras"},
                                                            {"Simple", "--spacing trailing"},
                                                            {"Normal", "--spacing linspace"},
                                                            {"DDIM", "--spacing leading"},
                                                            {"Beta", "beta"}};

std::string with_case(std::string text, int (*change)(int)) {
  std::transform(text.begin(), text.end(), text.begin(), [&](unsigned char c) { return static_cast<char>(change(c)); });
  return text;
}

TEST(SamplerNames, OfOtherProgramsAreUnderstoodInAnyCase) {
  for (const Meanings& program : {a1111, diffusers}) {
    for (const auto& [name, expected] : program) {
      EXPECT_EQ(meaning(name), expected) << name;
      EXPECT_EQ(meaning(with_case(name, std::tolower)), expected) << name;
      EXPECT_EQ(meaning(with_case(name, std::toupper)), expected) << name;
    }
  }
}

TEST(ScheduleNames, OfA1111AreUnderstoodInAnyCase) {
  for (const auto& [name, expected] : a1111_schedules) {
    for (const std::string& spelled : {name, with_case(name, std::tolower), with_case(name, std::toupper)}) {
      const auto found = understand_schedule(spelled);
      ASSERT_TRUE(found) << spelled;
      EXPECT_EQ(found->instead.empty() ? found->schedule : found->instead, expected) << spelled;
    }
  }
  EXPECT_FALSE(understand_schedule("karas"));
}

TEST(SamplerNames, OfSumiMeanThemselves) {
  for (const Sampler& sampler : samplers()) EXPECT_EQ(meaning(std::string(sampler.name)), sampler.name);
}

TEST(SamplerNames, MayJoinTheirWordsOtherwise) {
  EXPECT_EQ(meaning("dpmpp_2m_sde"), "dpmpp-2m-sde");
  EXPECT_EQ(meaning("euler_ancestral"), "euler-a");
  EXPECT_EQ(meaning("uni_pc"), "unipc");
  EXPECT_EQ(meaning("DPM++2M_karras"), "dpmpp-2m karras");
}

TEST(SamplerNames, ThatNobodyUsesAreUnknown) {
  for (const char* name : {"", "Karras", "Scheduler", "Euler Heun", "DPM++ 4M", "dpmpp-2m heun", "euler karras a"}) {
    EXPECT_EQ(meaning(name), "?") << name;
  }
}

TEST(SamplerNames, NearestOnesExist) {
  for (const std::string& name : other_sampler_names()) {
    const std::string_view sampler = understand_sampler(name)->sampler;
    EXPECT_TRUE(sampler.empty() || find_sampler(std::string(sampler)).name == sampler) << name;
  }
}

}  // namespace
}  // namespace sumi::test
