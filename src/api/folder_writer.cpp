#include "api/folder_writer.h"

#include <cerrno>
#include <stdlib.h>
#include <system_error>

#include "core/atomic_file.h"
#include "core/json.h"
#include "core/paths.h"
#include "sumi/program.h"
#include "text/clip_tokenizer.h"
#include "weights/safetensors.h"

namespace sumi {

namespace fs = std::filesystem;

AtomicFolder::AtomicFolder(const fs::path& path) : path_(path.has_filename() ? path : path.parent_path()) {
  std::error_code ignored;
  check(!path_.empty(), ErrorCode::usage, "the folder to write has no name");
  check(!is_there(path_) || fs::is_empty(path_, ignored), ErrorCode::io,
        "{}: exists already; remove it or choose another name", path_.string());
  std::string name = (path_.parent_path() / fmt::format(".{}.XXXXXX", path_.filename().string())).string();
  if (::mkdtemp(name.data()) == nullptr) refuse(errno);
  temporary_ = name;
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

fs::path AtomicFolder::at(const fs::path& relative) const {
  const fs::path path = temporary_ / relative;
  std::error_code problem;
  fs::create_directories(path.parent_path(), problem);
  if (problem) refuse(problem.value());
  return path;
}

void AtomicFolder::commit() {
  std::error_code problem;
  // mkdtemp's folders are closed to others.
  fs::permissions(temporary_,
                  fs::perms::group_read | fs::perms::group_exec | fs::perms::others_read | fs::perms::others_exec,
                  fs::perm_options::add, problem);
  fs::rename(temporary_, path_, problem);
  if (problem) refuse(problem.value());
  temporary_.clear();
}

void AtomicFolder::refuse(int error) const {
  fail(ErrorCode::io, "{}: cannot be written: {}", path_.string(), std::generic_category().message(error));
}

void write_json(const fs::path& path, const Json& json) {
  const std::string text = json.dump(2) + "\n";
  write_whole_file(path, std::as_bytes(std::span(text)));
}

void write_weights(const AtomicFolder& out, const std::string& component, const TensorMap& tensors,
                   std::optional<DType> type) {
  const bool text = component.starts_with("text_encoder");
  const char* file = text ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
  write_safetensors(out.at(fs::path(component) / file), tensors, type);
}

namespace {

void write_text(const fs::path& path, const std::optional<std::string>& text) {
  if (text) write_whole_file(path, std::as_bytes(std::span(*text)));
}

}  // namespace

void write_tokenizer(const AtomicFolder& out, const ModelFiles& files, const std::string& name) {
  TokenizerFiles texts;
  if (const auto folder = files.tokenizer(name)) {
    texts = read_tokenizer_files(*folder);
  } else {
    const std::string encoder = "text_encoder" + name.substr(std::string_view("tokenizer").size());
    const bool open = files.config(encoder).integer("pad_token_id", 1, 0, INT32_MAX) == 0;
    texts = open ? clip_tokenizer_files("!") : clip_tokenizer_files();
  }
  const fs::path folder = name;
  write_text(out.at(folder / "vocab.json"), texts.vocab);
  write_text(out.at(folder / "merges.txt"), texts.merges);
  write_text(out.at(folder / "tokenizer.json"), texts.tokenizer);
  write_text(out.at(folder / "tokenizer_config.json"), texts.config);
  write_text(out.at(folder / "special_tokens_map.json"), texts.special_map);
}

DType parse_weight_type(const std::string& name) {
  const std::vector<std::string> known{"f32", "f16", "bf16"};
  for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
    if (name == name_of(type)) return type;
  }
  fail(ErrorCode::usage, "dtype '{}' is not known{}; weights are written in f32, f16 or bf16", name,
       did_you_mean(name, known));
}

}  // namespace sumi
