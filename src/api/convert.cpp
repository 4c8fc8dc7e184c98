#include <optional>
#include <system_error>

#include "api/folder_writer.h"
#include "core/atomic_file.h"
#include "core/json.h"
#include "core/paths.h"
#include "hub/find.h"
#include "sumi/tools.h"
#include "weights/folder.h"
#include "weights/ldm_file.h"
#include "weights/ldm_names.h"
#include "weights/safetensors.h"
#include "weights/single_file.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

/// The files in a folder, or of a part of a model by its class.
std::unique_ptr<ModelFiles> open_folder(const fs::path& folder) {
  if (is_there(folder / "model_index.json")) return std::make_unique<ModelFolder>(folder);
  check(is_there(folder / "config.json"), ErrorCode::not_found,
        "{}: no model there; expected a model_index.json, or a config.json of a part", folder.string());
  const Settings config(read_json(folder / "config.json"), (folder / "config.json").string());
  const std::string type = config.text("_class_name", "");
  for (const auto& [part, known] : {std::pair("unet", "UNet2DConditionModel"), std::pair("vae", "AutoencoderKL"),
                                    std::pair("controlnet", "ControlNetModel")}) {
    if (type == known) return open_part(folder, part);
  }
  fail(ErrorCode::unsupported, "{}: a part of the class '{}' has no place in a single file", folder.string(), type);
}

/// A whole model in a file, or the part that it is.
std::unique_ptr<ModelFiles> open_file(const fs::path& path, const ConvertOptions& options) {
  const CheckpointPtr file = open_checkpoint(path.string());
  const TensorMap& tensors = file->tensors();
  const auto has = [&](const char* prefix) { return has_prefix(tensors, prefix); };
  if (has(ldm::kControlNet) || has("input_hint_block.") || has("controlnet_cond_embedding.")) {
    return open_part(path, "controlnet");
  }
  const bool whole = has(ldm::kVae) || has("cond_stage_model.") || has("conditioner.");
  if (!whole && (has(ldm::kUNet) || has("input_blocks.") || has("down_blocks."))) return open_part(path, "unet");
  if (!whole && has("decoder.")) return open_part(path, "vae");
  return open_single_file(path, {.config = options.config, .prediction = options.prediction});
}

void write_component(const AtomicFolder& out, const ModelFiles& files, const std::string& name, const fs::path& folder,
                     std::optional<DType> type) {
  Json config = files.config(name).json();
  if (name.starts_with("text_encoder")) config.erase("_class_name");
  write_json(out.at(folder / (name == "scheduler" ? "scheduler_config.json" : "config.json")), config);
  if (name != "scheduler") write_weights(out, folder.string(), files.weights(name)->tensors(), type);
}

void write_folder(const fs::path& path, const ModelFiles& files, std::optional<DType> type) {
  AtomicFolder out(path);
  if (!files.has("scheduler")) {  // a part by itself
    write_component(out, files, files.components().begin()->first, "", type);
  } else {
    for (const auto& [name, component] : files.components()) {
      if (name.starts_with("tokenizer")) {
        write_tokenizer(out, files, name);
      } else {
        write_component(out, files, name, name, type);
      }
    }
    write_json(out.at("model_index.json"), files.index().json());
  }
  out.commit();
}

}  // namespace

void convert(const fs::path& from, const fs::path& to, const ConvertOptions& options) {
  std::optional<DType> type;
  if (!options.dtype.empty()) type = parse_weight_type(options.dtype);
  const bool to_file = to.extension() == ".safetensors";
  if (is_file(from)) {
    if (to_file) return write_safetensors(to, open_checkpoint(from.string())->tensors(), type);
    return write_folder(to, *open_file(from, options), type);
  }
  const auto files = open_folder(is_there(from) ? from : find_model(from.string()));
  check(to_file, ErrorCode::usage, "{}: a single file to write ends in .safetensors", to.string());
  write_safetensors(to, ldm_file(*files), type);
}

}  // namespace sumi
