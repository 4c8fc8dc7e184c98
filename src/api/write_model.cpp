#include <algorithm>
#include <array>

#include "api/folder_writer.h"
#include "core/json.h"
#include "pipelines/model.h"
#include "pipelines/parts.h"
#include "sumi/tools.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

/// What other programs want to read in a configuration and presets leave to defaults.
Json written_config(const ModelFiles& files, const std::string& component) {
  Json config = files.config(component).json();
  const bool text = component.starts_with("text_encoder");
  Json more = {{"_class_name", files.component(component).type}};
  if (text) {
    more = {{"architectures", {files.component(component).type}},
            {"model_type", "clip_text_model"},
            {"vocab_size", 49408},
            {"max_position_embeddings", 77},
            {"projection_dim", config.at("hidden_size")}};
  } else if (component == "vae") {
    const std::size_t levels = config.at("block_out_channels").size();
    more["latent_channels"] = 4;
    more["down_block_types"] = std::vector<std::string>(levels, "DownEncoderBlock2D");
    more["up_block_types"] = std::vector<std::string>(levels, "UpDecoderBlock2D");
  }
  more.update(config);
  return more;
}

void write_preset_files(const ModelFiles& files, const AtomicFolder& out) {
  for (const std::string& name : files.weighted()) {
    write_json(out.at(fs::path(name) / "config.json"), written_config(files, name));
  }
  for (const auto& [name, component] : files.components()) {
    if (name.starts_with("tokenizer")) write_tokenizer(out, files, name);
  }
  write_json(out.at("scheduler/scheduler_config.json"), files.config("scheduler").json());
  Json index = files.index().json();
  index.erase("configs");
  write_json(out.at("model_index.json"), index);
}

bool is_weight_file(const fs::path& path) {
  constexpr std::array<std::string_view, 7> kEndings{".safetensors", ".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".h5"};
  const std::string name = path.filename().string();
  return name.find(".safetensors.") != std::string::npos ||
         std::find(kEndings.begin(), kEndings.end(), path.extension().string()) != kEndings.end();
}

/// Everything but weights, which are written anew.
void copy_folder_files(const fs::path& from, const AtomicFolder& out) {
  const auto options = fs::directory_options::skip_permission_denied;
  for (const auto& item : fs::recursive_directory_iterator(from, options)) {
    if (!item.is_regular_file() || is_weight_file(item.path())) continue;
    fs::copy_file(item.path(), out.at(item.path().lexically_relative(from)));
  }
}

/// Without position ids and the like, which are no weights.
TensorMap floats_of(const Checkpoint& checkpoint) {
  TensorMap floats;
  for (const auto& [name, source] : checkpoint.tensors()) {
    const DType stored = source->stored();
    if (stored == DType::f32 || stored == DType::bf16 || stored == DType::f16) floats.emplace(name, source);
  }
  return floats;
}

}  // namespace

void write_model(const std::string& model, const fs::path& folder, const std::string& dtype) {
  const DType type = parse_weight_type(dtype);
  const auto files = open_model({.name = model});
  AtomicFolder out(folder);
  try {
    if (files->path().empty()) {
      write_preset_files(*files, out);
    } else {
      copy_folder_files(files->path(), out);
    }
  } catch (const fs::filesystem_error& error) {
    fail(ErrorCode::io, "{}: cannot be written: {}", folder.string(), error.code().message());
  }
  for (const std::string& component : files->weighted()) {
    write_weights(out, component, floats_of(*files->weights(component)), type);
  }
  out.commit();
}

}  // namespace sumi
