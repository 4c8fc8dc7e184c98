#include "api/parameters.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "image/parameters.h"

namespace sumi {
namespace {

struct Label {
  std::string_view name, shown;
};
constexpr std::array labels{
    Label{"ddim", "DDIM"},         Label{"ddpm", "DDPM"},         Label{"pndm", "PLMS"},
    Label{"euler", "Euler"},       Label{"euler-a", "Euler a"},   Label{"heun", "Heun"},
    Label{"lms", "LMS"},           Label{"dpm2", "DPM2"},         Label{"dpm2-a", "DPM2 a"},
    Label{"dpmpp-2m", "DPM++ 2M"}, Label{"dpmpp-2s", "DPM++ 2S"}, Label{"dpmpp-2m-sde", "DPM++ 2M SDE"},
    Label{"unipc", "UniPC"},       Label{"deis", "DEIS"},         Label{"lcm", "LCM"},
    Label{"tcd", "TCD"},           Label{"karras", "Karras"},     Label{"exponential", "Exponential"},
    Label{"beta", "Beta"},
};

std::string shown(const std::string& name) {
  for (const Label& label : labels) {
    if (label.name == name) return std::string(label.shown);
  }
  return name;
}

}  // namespace

std::string parameters_text(const Report& report, std::uint64_t seed, int width, int height) {
  Parameters parameters{.prompt = report.prompt, .negative = report.negative.value_or("")};
  const auto add = [&](const char* key, std::string value) { parameters.settings.emplace_back(key, std::move(value)); };
  add("Steps", std::to_string(report.steps));
  add("Sampler", shown(report.sampler));
  if (report.schedule != "default") add("Schedule type", shown(report.schedule));
  add("CFG scale", fmt::format("{}", report.guidance));
  add("Seed", std::to_string(seed));
  add("Size", fmt::format("{}x{}", width, height));
  add("Model", report.model);
  if (report.clip_skip) add("Clip skip", std::to_string(report.clip_skip + 1));
  if (report.guidance_rescale > 0) add("CFG Rescale", fmt::format("{}", report.guidance_rescale));
  if (report.eta > 0) add("Eta", fmt::format("{}", report.eta));
  add("RNG", report.rng == Rng::cpu ? "CPU" : "GPU");
  add("Spacing", report.spacing);
  for (const auto& [key, value] : report.more) add(key.c_str(), value);
  add("Version", "Sumi " + report.version);
  return format_parameters(parameters);
}

}  // namespace sumi
