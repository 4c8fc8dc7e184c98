#pragma once

#include <cstdint>
#include <cudnn.h>
#include <memory>
#include <mutex>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/cuda/device.h"

namespace sumi::cuda {

/// The functions of cuDNN that are used, from a library that was opened while the program runs.
struct CudnnFunctions {
  decltype(&cudnnGetErrorString) error_string;
  decltype(&cudnnGetLastErrorString) last_error;
  decltype(&cudnnCreate) create;
  decltype(&cudnnDestroy) destroy;
  decltype(&cudnnSetStream) set_stream;
  decltype(&cudnnBackendCreateDescriptor) descriptor_create;
  decltype(&cudnnBackendDestroyDescriptor) descriptor_destroy;
  decltype(&cudnnBackendSetAttribute) set;
  decltype(&cudnnBackendGetAttribute) get;
  decltype(&cudnnBackendFinalize) finalize;
  decltype(&cudnnBackendExecute) execute;
};

/// Null where the library is missing or lacks one of them.
const CudnnFunctions* cudnn_functions();

/// Throws Error(internal) with what cuDNN says, its reasons included.
void check_cudnn(cudnnStatus_t status, std::string_view what,
                 const std::source_location& where = std::source_location::current());

/// The name that cuDNN has for the type of an attribute.
template <class T>
extern const cudnnBackendAttributeType_t cudnn_type;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<void*> = CUDNN_TYPE_VOID_PTR;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<std::int64_t> = CUDNN_TYPE_INT64;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<bool> = CUDNN_TYPE_BOOLEAN;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<float> = CUDNN_TYPE_FLOAT;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<char> = CUDNN_TYPE_CHAR;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<cudnnHandle_t> = CUDNN_TYPE_HANDLE;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<cudnnDataType_t> = CUDNN_TYPE_DATA_TYPE;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<cudnnConvolutionMode_t> = CUDNN_TYPE_CONVOLUTION_MODE;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<cudnnPointwiseMode_t> = CUDNN_TYPE_POINTWISE_MODE;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<cudnnBackendHeurMode_t> = CUDNN_TYPE_HEUR_MODE;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<cudnnBackendNumericalNote_t> = CUDNN_TYPE_NUMERICAL_NOTE;
template <>
inline constexpr cudnnBackendAttributeType_t cudnn_type<cudnnBackendBehaviorNote_t> = CUDNN_TYPE_BEHAVIOR_NOTE;

/// What everything in cuDNN's graphs is: attributes, some of which are descriptors, set until it is finished and read
/// from then on. Throws Error(internal) where cuDNN refuses.
class CudnnDescriptor {
 public:
  explicit CudnnDescriptor(cudnnBackendDescriptorType_t type);

  cudnnBackendDescriptor_t get() const { return descriptor_.get(); }

  template <class T>
  void set(cudnnBackendAttributeName_t name, std::span<const T> values) {
    set(name, cudnn_type<T>, values.size(), values.data());
  }
  template <class T>
  void set(cudnnBackendAttributeName_t name, const T& value) {
    set(name, cudnn_type<T>, 1, &value);
  }
  void set(cudnnBackendAttributeName_t name, const CudnnDescriptor& value);
  void set(cudnnBackendAttributeName_t name, const std::vector<CudnnDescriptor>& values);
  void finish(std::string_view what);

  template <class T>
  std::vector<T> list(cudnnBackendAttributeName_t name) const {
    std::vector<T> values(count(name, cudnn_type<T>));
    values.resize(read(name, cudnn_type<T>, values.size(), values.data()));
    return values;
  }
  template <class T>
  T value(cudnnBackendAttributeName_t name) const {
    T found{};
    read(name, cudnn_type<T>, 1, &found);
    return found;
  }
  std::vector<CudnnDescriptor> list(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t of) const;

 private:
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t count, const void* values);
  std::size_t count(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const;
  std::size_t read(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t count,
                   void* values) const;

  std::unique_ptr<void, cudnnStatus_t (*)(cudnnBackendDescriptor_t)> descriptor_;
};

/// cuDNN for one device. Its work goes to the device's stream.
class Cudnn {
 public:
  /// Where cuDNN cannot be used, only `missing` and `device` may be asked. `device` outlives it.
  explicit Cudnn(const Device& device);
  /// Without a device: for graphs and plans alone, as they would be on a device of these properties, which cuDNN has as
  /// JSON (CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION).
  Cudnn(std::string_view properties, int capability, bool tf32);
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;
  ~Cudnn();

  /// Why it cannot be used; empty where it can.
  const std::string& missing() const { return missing_; }
  const Device& device() const { return *device_; }
  int capability() const { return capability_; }                           ///< as Device's
  bool tf32() const { return tf32_; }                                      ///< as Device's
  cudnnHandle_t handle() const { return handle_; }                         ///< null without a device
  const CudnnDescriptor* properties() const { return properties_.get(); }  ///< null with one
  /// Held by whoever uses the handle.
  std::mutex& mutex() const { return mutex_; }

 private:
  const Device* device_ = nullptr;
  int capability_;
  bool tf32_;
  std::string missing_;
  cudnnHandle_t handle_ = nullptr;
  std::unique_ptr<CudnnDescriptor> properties_;
  mutable std::mutex mutex_;
};

}  // namespace sumi::cuda
