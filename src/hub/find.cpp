#include "hub/find.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "core/check.h"
#include "core/nearest.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVariable = "SUMI_MODELS";
constexpr const char* kEmbedded = "emoji";
constexpr int kMostLevels = 6;  // a test program of the build tree lies five below the repository's root

bool is_model(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "model_index.json", ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// Names of the folders in a folder. One that cannot be read has none.
std::vector<std::string> folders_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (is_folder(entry->path())) names.push_back(entry->path().filename().string());
  }
  return names;
}

[[noreturn]] void fail_with_near_names(const std::string& wanted) {
  std::vector<std::string> known = model_names();
  fs::path path(wanted);
  if (path.filename().empty()) path = path.parent_path();  // a trailing slash
  const fs::path parent = path.parent_path();
  for (const std::string& name : folders_in(parent.empty() ? "." : parent)) known.push_back((parent / name).string());
  fail(ErrorCode::not_found, "there is no model '{}'{}", wanted, did_you_mean(path.string(), known));
}

}  // namespace

std::vector<fs::path> model_folders() {
  std::vector<fs::path> folders;
  const auto add = [&](const fs::path& folder) {
    if (std::find(folders.begin(), folders.end(), folder) == folders.end()) folders.push_back(folder);
  };
  if (const char* given = std::getenv(kVariable); given && is_folder(given)) add(given);
  std::error_code error;
  fs::path above = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (int level = 0; level < kMostLevels && !error && above.has_relative_path(); ++level) {
    for (const char* place : {"models", "share/sumi/models"}) {
      if (is_model(above / place / kEmbedded)) add(above / place);
    }
    above = above.parent_path();
  }
  if (const fs::path installed = fs::path(SUMI_DATA_DIR) / "models"; is_model(installed / kEmbedded)) add(installed);
  return folders;
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const fs::path& folder : model_folders()) {
    for (std::string& name : folders_in(folder)) {
      if (is_model(folder / name)) names.push_back(std::move(name));
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

fs::path find_model(const std::string& name_or_path) {
  const bool embedded = name_or_path.empty();
  if (!embedded && is_folder(name_or_path)) return name_or_path;
  std::error_code ignored;
  check(embedded || !fs::exists(name_or_path, ignored), ErrorCode::unsupported,
        "{} is a file: a model is a folder with a model_index.json", name_or_path);
  for (const fs::path& folder : model_folders()) {
    if (fs::path model = folder / (embedded ? kEmbedded : name_or_path); is_model(model)) return model;
  }
  if (!embedded) fail_with_near_names(name_or_path);
  fail(ErrorCode::not_found,
       "the model that comes with Sumi is not beside the program: set {} to the folder that has '{}'", kVariable,
       kEmbedded);
}

}  // namespace sumi
