#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace sumi::cuda {

/// A library of NVIDIA's that is opened when it is first asked for and never linked, so that the program starts where
/// it is missing. It stays open: what it has queued may outlive whoever asked.
///
/// Looked for in the folder that the environment variable SUMI_CUDA_LIBRARIES names, in `lib/cuda` beside the program's
/// `bin`, where the system looks, in the folders that this program was built with, and in the packages of the Python
/// environment that VIRTUAL_ENV names.
class Library {
 public:
  /// The first of `names` that a folder has. `version` is the name of the function that tells it; `package` has it.
  Library(std::initializer_list<std::string_view> names, const char* version, std::string_view package);
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  explicit operator bool() const { return handle_ != nullptr; }
  void* handle() const { return handle_; }  ///< for dlsym; null where it is missing
  /// Null where it is missing, or too old to have the function.
  void* function(const char* name) const;
  /// "13.0.2"; empty where it is missing.
  std::string version() const;
  /// "13.0.2, FILE", or why it is not there and how to get it.
  std::string describe() const;

 private:
  std::string name_, package_, file_, failure_;
  const char* version_;
  void* handle_ = nullptr;
};

/// libcublasLt of CUDA 13, or of CUDA 12.
const Library& cublas_library();
/// libcudnn, after what it opens itself and would look for in the system's folders alone: libcublasLt and libnvrtc.
const Library& cudnn_library();
/// What cudnn_frontend::cudnn_dlhandle is to be; null where cuDNN is missing.
void* open_cudnn();

}  // namespace sumi::cuda
