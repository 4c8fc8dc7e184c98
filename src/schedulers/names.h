#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sumi {

/// What a name means that somebody wrote for a sampler.
struct SamplerName {
  std::string_view sampler;  ///< Sumi's name; where it is not built, of the nearest, or empty where nothing is near
  std::string_view schedule = {};  ///< that the name carries: "karras", "exponential"; else empty
  bool heun = false;               ///< the name asks for Heun's form of the second-order term
  bool built = true;
};

/// Names of Sumi, those that A1111 and ComfyUI show ("DPM++ 2M SDE Karras", "dpmpp_2m_sde") and classes of diffusers,
/// also of Flax, in any case and with spaces, - or _ between words. Nothing for a name that is unknown.
std::optional<SamplerName> understand_sampler(std::string_view name);

/// What a name means that somebody wrote for a schedule of the sigmas.
struct ScheduleName {
  std::string_view schedule;      ///< Sumi's name; empty: as the model says
  std::string_view instead = {};  ///< where it is not built: the option that comes nearest
};

/// Names of Sumi and those that A1111 shows ("Karras", "SGM Uniform"), spelled as samplers' may be. Nothing for a name
/// that is unknown.
std::optional<ScheduleName> understand_schedule(std::string_view name);

/// The names that differ from Sumi's by more than spelling, as their programs show them.
std::vector<std::string> other_sampler_names();

}  // namespace sumi
