#include "backend/cuda/library.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "core/paths.h"

namespace sumi::cuda {
namespace {

namespace fs = std::filesystem;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Appends the folders of "FIRST:SECOND".
void add_each(std::string_view folders, std::vector<fs::path>& to) {
  while (!folders.empty()) {
    const std::size_t end = std::min(folders.find(':'), folders.size());
    if (end > 0) to.emplace_back(folders.substr(0, end));
    folders.remove_prefix(std::min(end + 1, folders.size()));
  }
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
    if (is_folder(each->path())) found.push_back(each->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// NVIDIA's packages for Python put libraries into lib/pythonN/site-packages/nvidia/PACKAGE/lib.
void add_packages(const fs::path& environment, std::vector<fs::path>& to) {
  for (const fs::path& python : folders_in(environment / "lib")) {
    for (const fs::path& package : folders_in(python / "site-packages" / "nvidia")) to.push_back(package / "lib");
  }
}

/// In the order of the search; the empty one leaves it to the system.
std::vector<fs::path> search_folders() {
  std::vector<fs::path> folders;
  add_each(variable("SUMI_CUDA_LIBRARIES"), folders);
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) folders.push_back(program.parent_path().parent_path() / "lib" / "cuda");
  folders.emplace_back();
#ifdef SUMI_CUDA_LIBRARY_PATH
  add_each(SUMI_CUDA_LIBRARY_PATH, folders);
#endif
  if (const std::string_view environment = variable("VIRTUAL_ENV"); !environment.empty()) {
    add_packages(environment, folders);
  }
  return folders;
}

/// The file that a loaded library came from.
std::string file_of(void* function) {
  Dl_info info{};
  return function && dladdr(function, &info) && info.dli_fname ? info.dli_fname : "";
}

}  // namespace

Library::Library(std::initializer_list<std::string_view> names, const char* version, std::string_view package)
    : name_(*names.begin()), package_(package), version_(version) {
  for (const fs::path& folder : search_folders()) {
    for (const std::string_view name : names) {
      const fs::path path = folder / name;
      if (!folder.empty() && !is_file(path)) continue;
      handle_ = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
      if (handle_) {
        file_ = file_of(function(version_));
        return;
      }
      // A library that is there and does not open says more than all places where there is none.
      const char* reason = dlerror();
      if (reason && !folder.empty()) failure_ = reason;
    }
  }
}

void* Library::function(const char* name) const { return handle_ ? dlsym(handle_, name) : nullptr; }

std::string Library::version() const {
  const auto tell = reinterpret_cast<std::size_t (*)()>(function(version_));
  if (!tell) return "";
  const std::size_t number = tell();  // 130002 is 13.0.2
  return fmt::format("{}.{}.{}", number / 10000, number / 100 % 100, number % 100);
}

std::string Library::describe() const {
  if (handle_) return fmt::format("{}, {}", version(), file_);
  if (!failure_.empty()) return fmt::format("does not open: {}", failure_);
  return fmt::format(
      "{} is missing: `pip install {}` in a virtual environment, or name its folder in "
      "SUMI_CUDA_LIBRARIES",
      name_, package_);
}

const Library& cublas_library() {
  static const Library library({"libcublasLt.so.13", "libcublasLt.so.12"}, "cublasLtGetVersion", "nvidia-cublas");
  return library;
}

const Library& cudnn_library() {
  // The system knows a library that is open by its name, wherever it lies.
  static const Library library = [] {
    cublas_library();
    static const Library compiler({"libnvrtc.so.13", "libnvrtc.so.12"}, "nvrtcVersion", "nvidia-cuda-nvrtc");
    return Library({"libcudnn.so.9"}, "cudnnGetVersion", "nvidia-cudnn-cu13");
  }();
  return library;
}

void* open_cudnn() { return cudnn_library().handle(); }

}  // namespace sumi::cuda
