#include "sumi/inspect.h"

#include <algorithm>

#include <fmt/format.h>

#include "api/device.h"
#include "backend/cpu/cpu.h"
#include "backend/cuda/cuda.h"
#include "backend/meta/meta.h"
#include "backend/ref/host.h"
#include "hub/find.h"
#include "models/presets.h"
#include "pipelines/model.h"
#include "pipelines/parts.h"
#include "schedulers/config.h"
#include "weights/loader.h"

namespace sumi {
namespace {

ComponentInfo inspect_component(const ModelFiles& files, const std::string& name) {
  const WeightCount count = count_weights(*files.weights(name));
  ComponentInfo info{.name = name,
                     .kind = files.component(name).type,
                     .parameters = static_cast<std::size_t>(count.parameters),
                     .bytes = static_cast<std::size_t>(count.bytes)};
  for (const auto& [type, parameters] : count.parameters_by_type) info.types.emplace_back(name_of(type));
  return info;
}

/// Stands before the real implementations of an op, declines every case, and keeps what they say to it.
template <class Op>
class Recorder final : public Implementation<Op> {
 public:
  Recorder(const Operations& asked, std::vector<OpReport>& reports) : asked_(asked), reports_(reports) {}

  std::string_view name() const override { return "recorder"; }
  Decision plan(const typename Op::Case& c) const override {
    OpReport& report = reports_.emplace_back(OpReport{.op = std::string(Op::name), .shapes = c.text()});
    for (const auto& [implementation, decision] : asked_.explain<Op>(c)) {
      const auto* declined = std::get_if<Declined>(&decision);
      report.verdicts.push_back({implementation, declined ? declined->reason : ""});
    }
    return Declined{"records only"};
  }
  void run(const typename Op::Case&, const Plan&, const typename Op::Args&, std::byte*) const override {}

 private:
  const Operations& asked_;
  std::vector<OpReport>& reports_;
};

template <class... Ops>
void add_recorders(OpList<Ops...>, Operations& to, const Operations& asked, std::vector<OpReport>& reports) {
  (to.add<Ops>(std::make_unique<Recorder<Ops>>(asked, reports)), ...);
}

/// What `device` says to the ops of a step with guidance, by a dry run on a backend of recorders.
std::vector<OpReport> explain_step(Device& device) {
  std::vector<OpReport> reports;
  HostBackend recording("recording", device.type);
  add_recorders(AllOps{}, recording.operations(), device.backend->operations(), reports);
  add_ref(recording.operations());

  const Preset preset("sd15");
  const UNet unet = build_unet(preset.config("unet"), preset.weights("unet"));
  const auto meta = make_meta_backend(recording);
  Arena arena = Arena::dry();
  Context ctx{.backend = *meta, .arena = arena, .type = device.type, .rounding = device.rounding};
  const UNet::Conditioning prompt = unet.prepare(ctx, {.tokens = ctx.tensor({2, 77, 768})});
  unet(ctx, ctx.tensor({2, 64, 64, 4}, DType::f32), ctx.tensor({2}, DType::f32), prompt);
  std::stable_sort(reports.begin(), reports.end(), [](const OpReport& a, const OpReport& b) { return a.op < b.op; });
  return reports;
}

Facts build_facts() {
  Facts facts{.title = "Program", .rows = {{"version", version()}, {"compiler", __VERSION__}}};
  facts.rows.emplace_back("libraries",
                          fmt::format("fmt {}.{}.{}, nlohmann-json {}.{}.{}, OpenMP {}", FMT_VERSION / 10000,
                                      FMT_VERSION / 100 % 100, FMT_VERSION % 100, NLOHMANN_JSON_VERSION_MAJOR,
                                      NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH, _OPENMP));
  return facts;
}

Facts processor_facts() {
  Facts facts{.title = "Processor", .rows = describe_cpu()};
  for (const DType type : {DType::f32, DType::bf16, DType::i8}) {
    const double peak = measured_peak_gflops(type);
    facts.rows.emplace_back(fmt::format("peak {}", name_of(type)),
                            peak > 0 ? fmt::format("{:.0f} GFLOP/s, measured", peak) : "no such instruction");
  }
  return facts;
}

Facts device_facts(const Device& device) {
  Facts facts{.title = "Device", .rows = {{"name", std::string(device.backend->name())}}};
  facts.rows.emplace_back("computes in", fmt::format("{}{}", device.dtype(),
                                                     device.rounding != Rounding::none ? ": a UNet's linears" : ""));
  for (const std::string& note : device.notes) facts.rows.emplace_back("note", note);
  return facts;
}

Facts model_facts() {
  Facts facts{.title = "Models"};
  for (const auto& folder : model_folders()) facts.rows.emplace_back("searched", folder.string());
  for (const std::string& name : model_names()) facts.rows.emplace_back("found", name);
  if (model_names().empty()) facts.rows.emplace_back("found", "none; set SUMI_MODELS to a folder of models");
  return facts;
}

}  // namespace

ModelInfo inspect_model(const std::string& model, const std::string& config) {
  const ModelChoice choice{.name = model, .config = config};
  const auto files = open_model(choice);
  ModelInfo info{.name = files->name(), .path = files->path()};
  for (const std::string& name : files->weighted()) info.components.push_back(inspect_component(*files, name));
  const SchedulerConfig scheduler = resolve(files->config("scheduler"), {});
  info.sampler = scheduler.sampler;
  info.prediction = name_of(scheduler.prediction);
  const Defaults defaults = load_model(choice)->defaults;
  info.width = defaults.width;
  info.height = defaults.height;
  info.steps = defaults.steps;
  info.guidance = defaults.guidance;
  return info;
}

Doctor inspect_machine(const std::string& device_name, const std::string& dtype) {
  Device device = make_device({.device = device_name, .dtype = dtype});
  return {.facts = {build_facts(),
                    processor_facts(),
                    {.title = "NVIDIA GPU", .rows = describe_cuda()},
                    device_facts(device),
                    model_facts()},
          .ops = explain_step(device),
          .implementations = device.backend->operations().names(),
          .samplers = sampler_names()};
}

std::string version() { return SUMI_VERSION; }

}  // namespace sumi
