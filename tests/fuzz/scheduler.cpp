#include "schedulers/scheduler.h"

#include <cmath>
#include <string>
#include <vector>

#include "core/json.h"
#include "fuzz.h"

namespace sumi {
namespace {

/// The user's choice, from the byte that an input begins with: each sampler, schedule and spacing, or none.
Sampling choice_of(std::uint8_t byte) {
  const auto pick = [&byte](std::vector<std::string> names) {
    names.insert(names.begin(), "");
    const auto count = static_cast<std::uint8_t>(names.size());
    const std::string name = names[byte % count];
    byte = static_cast<std::uint8_t>(byte / count);
    return name;
  };
  Sampling choice;
  choice.sampler = pick(sampler_names());
  choice.schedule = pick({"karras", "exponential", "beta"});
  choice.spacing = pick({"leading", "trailing", "linspace"});
  return choice;
}

void check_finite(const Schedule& schedule) {
  fuzz::expect(!schedule.steps.empty() && std::isfinite(schedule.initial_sigma));
  for (const Step& step : schedule.steps) {
    fuzz::expect(std::isfinite(step.timestep) && std::isfinite(step.input_scale));
    for (const Combination& update : step.updates) {
      for (const auto& term : update.terms) fuzz::expect(std::isfinite(term.coefficient));
    }
  }
}

void make(std::uint8_t choice, int steps, std::string_view text) {
  const Settings file(parse_json(text, "scheduler_config.json"), "scheduler_config.json");
  check_finite(make_schedule(resolve(file, choice_of(choice)), steps));
}

}  // namespace
}  // namespace sumi

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  sumi::fuzz::may_fail([&] { sumi::make(data[0], 1 + data[1] % 64, sumi::fuzz::text_of(data + 2, size - 2)); });
  return 0;
}
