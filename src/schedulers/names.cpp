#include "schedulers/names.h"

#include <array>
#include <cctype>
#include <utility>

#include "schedulers/sampler.h"

namespace sumi {
namespace {

struct Other {
  std::string_view name, sampler;
  bool built = true;
};

constexpr std::array others{
    // A1111 and ComfyUI
    Other{"PLMS", "pndm"},
    Other{"Euler Ancestral", "euler-a"},
    Other{"DPM2 Ancestral", "dpm2-a"},
    Other{"DPM++ 2S a", "dpmpp-sde", false},
    Other{"DPM++ 2S Ancestral", "dpmpp-sde", false},
    Other{"DPM fast", "dpmpp-2s", false},
    Other{"DPM adaptive", "dpmpp-2m", false},
    Other{"Restart", "heun", false},
    Other{"DDIM CFG++", "ddim", false},
    // Classes of diffusers
    Other{"DDIMParallelScheduler", "ddim"},
    Other{"DDPMParallelScheduler", "ddpm"},
    Other{"AmusedScheduler", "", false},
    Other{"CMStochasticIterativeScheduler", "lcm", false},
    Other{"CogVideoXDDIMScheduler", "ddim", false},
    Other{"CogVideoXDPMScheduler", "dpmpp-2m-sde", false},
    Other{"ConsistencyDecoderScheduler", "lcm", false},
    Other{"CosineDPMSolverMultistepScheduler", "dpmpp-2m-sde", false},
    Other{"DDIMInverseScheduler", "ddim", false},
    Other{"DDPMWuerstchenScheduler", "ddpm", false},
    Other{"DPMSolverMultistepInverseScheduler", "dpmpp-2m", false},
    Other{"EDMDPMSolverMultistepScheduler", "dpmpp-2m", false},
    Other{"EDMEulerScheduler", "euler", false},
    Other{"FlowMatchEulerDiscreteScheduler", "euler", false},
    Other{"FlowMatchHeunDiscreteScheduler", "heun", false},
    Other{"FlowMatchLCMScheduler", "lcm", false},
    Other{"IPNDMScheduler", "pndm", false},
    Other{"KarrasVeScheduler", "euler", false},
    Other{"RePaintScheduler", "ddpm", false},
    Other{"SASolverScheduler", "dpmpp-2m-sde", false},
    Other{"SCMScheduler", "lcm", false},
    Other{"ScoreSdeVeScheduler", "euler-a", false},
    Other{"ScoreSdeVpScheduler", "ddpm", false},
    Other{"UnCLIPScheduler", "ddpm", false},
    Other{"VQDiffusionScheduler", "", false},
};

constexpr std::pair<std::string_view, ScheduleName> schedules[] = {
    {"default", {"default"}},
    {"karras", {"karras"}},
    {"exponential", {"exponential"}},
    {"beta", {"beta"}},
    {"Automatic", {""}},
    {"Uniform", {"default"}},
    {"Polyexponential", {"exponential"}},  // with its usual exponent, which is 1
    {"SGM Uniform", {"default", "--spacing trailing"}},
    {"Simple", {"default", "--spacing trailing"}},
    {"Normal", {"default", "--spacing linspace"}},
    {"DDIM", {"default", "--spacing leading"}},
    {"KL Optimal", {"karras", "--schedule karras"}},
    {"Align Your Steps", {"karras", "--schedule karras"}},
    {"Align Your Steps GITS", {"karras", "--schedule karras"}},
    {"Align Your Steps 11", {"karras", "--schedule karras"}},
    {"Align Your Steps 32", {"karras", "--schedule karras"}},
};

/// Letters' case, separators and the spelling of "++" aside.
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ' ' || c == '-' || c == '_') continue;
    out += c == '+' ? 'p' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

bool drop_ending(std::string& name, std::string_view ending) {
  if (!name.ends_with(ending)) return false;
  name.resize(name.size() - ending.size());
  return true;
}

/// A whole name, without a schedule.
std::optional<SamplerName> find(const std::string& wanted) {
  for (const Sampler& sampler : samplers()) {
    if (folded(sampler.name) == wanted || (!sampler.reference.empty() && folded(sampler.reference) == wanted)) {
      return SamplerName{sampler.name};
    }
  }
  for (const Other& other : others) {
    if (folded(other.name) == wanted) return SamplerName{.sampler = other.sampler, .built = other.built};
  }
  return std::nullopt;
}

}  // namespace

std::optional<SamplerName> understand_sampler(std::string_view name) {
  std::string wanted = folded(name);
  if (wanted.starts_with("flax") && wanted.ends_with("scheduler")) wanted.erase(0, 4);
  std::string_view schedule;
  for (const std::string_view ending : {"karras", "exponential"}) {
    if (drop_ending(wanted, ending)) schedule = ending;
  }
  const bool heun = wanted != "heun" && drop_ending(wanted, "heun");
  auto found = find(wanted);
  if (!found || (heun && found->sampler != "dpmpp-2m-sde")) return std::nullopt;
  found->schedule = schedule;
  found->heun = heun;
  return found;
}

std::optional<ScheduleName> understand_schedule(std::string_view name) {
  for (const auto& [known, meaning] : schedules) {
    if (folded(known) == folded(name)) return meaning;
  }
  return std::nullopt;
}

std::vector<std::string> other_sampler_names() {
  std::vector<std::string> names;
  for (const Other& other : others) names.emplace_back(other.name);
  return names;
}

}  // namespace sumi
