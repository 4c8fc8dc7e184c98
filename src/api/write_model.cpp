#include <array>
#include <cerrno>
#include <stdlib.h>
#include <system_error>

#include "core/atomic_file.h"
#include "core/nearest.h"
#include "hub/find.h"
#include "pipelines/parts.h"
#include "sumi/tools.h"
#include "weights/safetensors.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

/// A folder that appears whole or not at all: files go to a hidden one beside it.
class AtomicFolder {
 public:
  explicit AtomicFolder(const fs::path& path) : path_(path.has_filename() ? path : path.parent_path()) {
    std::error_code ignored;
    check(!path_.empty(), ErrorCode::usage, "the folder to write has no name");
    check(!fs::exists(path_, ignored) || fs::is_empty(path_, ignored), ErrorCode::io,
          "{}: exists already; remove it or choose another name", path_.string());
    std::string name = (path_.parent_path() / fmt::format(".{}.XXXXXX", path_.filename().string())).string();
    if (::mkdtemp(name.data()) == nullptr) refuse(errno);
    temporary_ = name;
  }
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  ~AtomicFolder() {
    std::error_code ignored;
    if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  }

  /// Where a file of the folder is to be written; the folders above it are made.
  fs::path at(const fs::path& relative) const {
    const fs::path path = temporary_ / relative;
    std::error_code problem;
    fs::create_directories(path.parent_path(), problem);
    if (problem) refuse(problem.value());
    return path;
  }
  void commit() {
    std::error_code problem;
    // mkdtemp's folders are closed to others.
    fs::permissions(temporary_,
                    fs::perms::group_read | fs::perms::group_exec | fs::perms::others_read | fs::perms::others_exec,
                    fs::perm_options::add, problem);
    fs::rename(temporary_, path_, problem);
    if (problem) refuse(problem.value());
    temporary_.clear();
  }

 private:
  [[noreturn]] void refuse(int error) const {
    fail(ErrorCode::io, "{}: cannot be written: {}", path_.string(), std::generic_category().message(error));
  }

  fs::path path_, temporary_;
};

void write_json(const fs::path& path, const Json& json) {
  const std::string text = json.dump(2) + "\n";
  write_whole_file(path, std::as_bytes(std::span(text)));
}

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
  Json index = {{"_class_name", files.pipeline()},
                {"tokenizer", {"transformers", "CLIPTokenizer"}},
                {"scheduler", {"diffusers", files.component("scheduler").type}}};
  for (const std::string& name : files.weighted()) {
    index[name] = {name.starts_with("text_encoder") ? "transformers" : "diffusers", files.component(name).type};
    write_json(out.at(fs::path(name) / "config.json"), written_config(files, name));
  }
  write_json(out.at("scheduler/scheduler_config.json"), files.config("scheduler").json());
  write_json(out.at("model_index.json"), index);
  // Synthetic models have no words of their own.
  const fs::path tokenizer = find_model("") / "tokenizer";
  for (const auto& item : fs::directory_iterator(tokenizer)) {
    fs::copy_file(item.path(), out.at(fs::path("tokenizer") / item.path().filename()));
  }
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

void write_weights(const ModelFiles& files, const std::string& component, DType type, const AtomicFolder& out) {
  const CheckpointPtr checkpoint = files.weights(component);
  TensorMap floats;  // position ids and the like are no weights
  for (const auto& [name, source] : checkpoint->tensors()) {
    const DType stored = source->stored();
    if (stored == DType::f32 || stored == DType::bf16 || stored == DType::f16) floats.emplace(name, source);
  }
  const bool text = component.starts_with("text_encoder");
  const char* file = text ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
  write_safetensors(out.at(fs::path(component) / file), floats, type);
}

DType parse_type(const std::string& name) {
  const std::vector<std::string> known{"f32", "f16", "bf16"};
  for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
    if (name == name_of(type)) return type;
  }
  fail(ErrorCode::usage, "dtype '{}' is not known{}; weights are written in f32, f16 or bf16", name,
       did_you_mean(name, known));
}

}  // namespace

void write_model(const std::string& model, const fs::path& folder, const std::string& dtype) {
  const DType type = parse_type(dtype);
  const auto files = open_model(model);
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
  for (const std::string& component : files->weighted()) write_weights(*files, component, type, out);
  out.commit();
}

}  // namespace sumi
