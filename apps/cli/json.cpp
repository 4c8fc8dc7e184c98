#include "json.h"

#include <nlohmann/json.hpp>

namespace sumi::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string picture_json(const std::filesystem::path& path, const Picture& picture, const Report& r,
                         std::size_t batch) {
  Json more = Json::object();
  for (const auto& [key, value] : r.more) more[key] = value;
  return line({{"path", path.string()},
               {"seed", picture.seed},
               {"prompt", picture.prompt},
               {"unfit", picture.unfit},
               {"negative", r.negative ? Json(*r.negative) : Json()},
               {"width", picture.image.width},
               {"height", picture.image.height},
               {"steps", r.steps},
               {"guidance", r.guidance},
               {"guidance_rescale", r.guidance_rescale},
               {"sampler", r.sampler},
               {"schedule", r.schedule},
               {"spacing", r.spacing},
               {"prediction", r.prediction},
               {"eta", r.eta},
               {"rng", r.rng == Rng::cpu ? "cpu" : "philox"},
               {"clip_skip", r.clip_skip},
               {"more", std::move(more)},
               {"batch", batch},
               {"model", r.model},
               {"device", r.device},
               {"dtype", r.dtype},
               {"threads", r.threads},
               {"version", r.version},
               {"seconds",
                {{"load", r.load_seconds},
                 {"text", r.text_seconds},
                 {"denoise", r.denoise_seconds},
                 {"decode", r.decode_seconds}}},
               {"steps_per_second", r.steps_per_second},
               {"flops", r.flops},
               {"factor_flops", r.factor_flops},
               {"peak_bytes", r.peak_bytes},
               {"planned_bytes", r.planned_bytes},
               {"weight_bytes", r.weight_bytes},
               {"offloaded_bytes", r.offloaded_bytes},
               {"offload_room_bytes", r.offload_room_bytes},
               {"fixed_bytes", r.fixed_bytes},
               {"notes", r.notes}});
}

std::string bench_json(const BenchRow& row, const std::string& table) {
  Json json{{"what", row.what}};
  if (!table.empty()) json["already_measured"] = table;
  if (row.what == "op") {
    json.update({{"shapes", row.shapes}, {"implementation", row.implementation}, {"calls", row.calls}});
    if (!row.rival.empty()) json.update({{"rival", row.rival}, {"times_as_fast", row.times_as_fast}});
  }
  json["dtype"] = row.dtype;
  json["out_of_memory"] = row.out_of_memory;
  if (row.out_of_memory) return line(json);
  const char* seconds = row.what == "unet" ? "seconds_per_step" : "seconds";
  json.update({{seconds, row.median},
               {"minimum", row.minimum},
               {"median", row.median},
               {"p95", row.p95},
               {"flops", row.flops},
               {"gflops", row.gflops},
               {"share_of_peak", row.share_of_peak}});
  if (row.steps_per_second > 0) json["steps_per_second"] = row.steps_per_second;
  if (row.pictures_per_minute > 0) json["pictures_per_minute"] = row.pictures_per_minute;
  if (row.peak_bytes > 0) json["peak_bytes"] = row.peak_bytes;
  if (row.offloaded_bytes > 0) json["offloaded_bytes"] = row.offloaded_bytes;
  return line(json);
}

std::string model_json(const ModelInfo& model) {
  Json components = Json::array();
  for (const ComponentInfo& each : model.components) {
    components.push_back({{"name", each.name},
                          {"kind", each.kind},
                          {"parameters", each.parameters},
                          {"bytes", each.bytes},
                          {"types", each.types}});
  }
  return line({{"name", model.name},
               {"path", model.path.string()},
               {"components", std::move(components)},
               {"width", model.width},
               {"height", model.height},
               {"steps", model.steps},
               {"guidance", model.guidance},
               {"sampler", model.sampler},
               {"prediction", model.prediction}});
}

std::string image_json(const std::filesystem::path& path, const Image& image) {
  Json text = Json::object();
  for (const auto& [key, value] : image.text) text[key] = value;
  return line({{"path", path.string()}, {"width", image.width}, {"height", image.height}, {"text", std::move(text)}});
}

std::string pull_json(const std::string& model, const PullResult& result) {
  return line({{"model", model},
               {"path", result.path.string()},
               {"commit", result.commit},
               {"files", result.files},
               {"bytes", result.bytes},
               {"fetched_bytes", result.fetched_bytes},
               {"notes", result.notes}});
}

std::string stored_json(const StoredModel& model) {
  return line({{"name", model.name},
               {"revisions", model.revisions},
               {"commit", model.commit},
               {"path", model.path.string()},
               {"bytes", model.bytes},
               {"complete", model.missing.empty()},
               {"missing", model.missing}});
}

std::string doctor_json(const Doctor& doctor) {
  Json facts = Json::object(), ops = Json::array();
  for (const Facts& table : doctor.facts) {
    for (const auto& [name, value] : table.rows) facts[table.title][name] = value;
  }
  for (const OpReport& op : doctor.ops) {
    Json verdicts = Json::array();
    for (const Verdict& verdict : op.verdicts) {
      verdicts.push_back({{"implementation", verdict.implementation}, {"declines", verdict.declines}});
    }
    ops.push_back({{"op", op.op}, {"shapes", op.shapes}, {"verdicts", std::move(verdicts)}});
  }
  return line({{"facts", std::move(facts)},
               {"ops", std::move(ops)},
               {"implementations", doctor.implementations},
               {"samplers", doctor.samplers}});
}

}  // namespace sumi::cli
