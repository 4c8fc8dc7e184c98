#include "api/report.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/threads.h"
#include "sumi/inspect.h"

namespace sumi {
namespace {

/// What goes beyond the settings that every picture has.
std::vector<std::pair<std::string, std::string>> settings_of(const Request& request, const Device& device) {
  std::vector<std::pair<std::string, std::string>> settings;
  const auto add = [&](const char* key, std::string value) { settings.emplace_back(key, std::move(value)); };
  if (request.start) add("Denoising strength", fmt::format("{}", request.start->strength));
  if (request.mask) add("Mask blur", std::to_string(request.mask->blur));
  for (const Lora& lora : request.loras) add("Lora", fmt::format("{} {}", lora.file.stem().string(), lora.weight));
  if (!request.loras.empty() && request.lora_mode == LoraMode::apply) add("Lora mode", "apply");
  for (const auto& file : request.embeddings) add("TI", file.stem().string());
  for (const Control& control : request.controls) {
    add("ControlNet", fmt::format("{} {}", std::filesystem::path(control.model).filename().string(), control.weight));
  }
  if (request.variation) {
    add("Variation seed", std::to_string(request.variation->seed));
    add("Variation seed strength", fmt::format("{}", request.variation->strength));
  }
  if (request.refiner) {
    add("Refiner", std::filesystem::path(request.refiner->model).filename().string());
    add("Refiner switch at", fmt::format("{}", request.refiner->start));
  }
  if (request.hires) {
    if (!request.start) add("Denoising strength", fmt::format("{}", request.hires->strength));
    add("Hires upscale", fmt::format("{}", request.hires->scale));
    add("Hires upscaler", std::filesystem::path(request.hires->upscaler).filename().string());
  }
  if (!request.shortcuts.deepcache.empty()) add("DeepCache", request.shortcuts.deepcache);
  if (request.shortcuts.tome) add("Token merging ratio", fmt::format("{}", request.shortcuts.tome->ratio));
  if (device.rounding != Rounding::none) add("Linears", std::string(name_of(device.rounding)));
  if (request.shortcuts.vae_tiling) add("VAE tiling", "on");
  return settings;
}

}  // namespace

Report report_of(const Model& model, const Device& device, const Job& job, const Request& request) {
  return {.version = version(),
          .model = model.name,
          .device = std::string(device.backend->name()),
          .dtype = device.dtype(),
          .sampler = job.scheduler.sampler,
          .schedule = job.scheduler.schedule,
          .spacing = job.scheduler.spacing,
          .prediction = std::string(name_of(job.scheduler.prediction)),
          .steps = job.steps,
          .threads = threads(),
          .clip_skip = job.clip_skip,
          .guidance = job.guidance,
          .guidance_rescale = job.guidance_rescale,
          .eta = request.sampling.eta,
          .rng = job.rng,
          .prompt = job.prompts.front(),
          .negative = request.negative,
          .more = settings_of(request, device),
          .notes = device.notes};
}

void add_times(Report& to, const Report& more) {
  to.load_seconds += more.load_seconds;
  to.text_seconds += more.text_seconds;
  to.denoise_seconds += more.denoise_seconds;
  to.decode_seconds += more.decode_seconds;
  to.steps_per_second = more.steps_per_second;
  to.flops += more.flops;
  to.factor_flops += more.factor_flops;
  to.planned_bytes = std::max(to.planned_bytes, more.planned_bytes);
  to.weight_bytes = std::max(to.weight_bytes, more.weight_bytes);
  to.offloaded_bytes = std::max(to.offloaded_bytes, more.offloaded_bytes);
  to.offload_room_bytes = std::max(to.offload_room_bytes, more.offload_room_bytes);
  to.fixed_bytes = std::max(to.fixed_bytes, more.fixed_bytes);
  to.peak_bytes = std::max(to.peak_bytes, more.peak_bytes);
}

}  // namespace sumi
