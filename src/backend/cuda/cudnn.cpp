#include "backend/cuda/cudnn.h"

#include <optional>

#include "backend/cuda/library.h"
#include "core/check.h"

namespace sumi::cuda {
namespace {

std::optional<CudnnFunctions> find_functions() {
  CudnnFunctions all{};
  bool whole = true;
  const auto find = [&]<class Function>(Function& function, const char* name) {
    function = reinterpret_cast<Function>(cudnn_library().function(name));
    whole = whole && function;
  };
  find(all.error_string, "cudnnGetErrorString");
  find(all.last_error, "cudnnGetLastErrorString");
  find(all.create, "cudnnCreate");
  find(all.destroy, "cudnnDestroy");
  find(all.set_stream, "cudnnSetStream");
  find(all.descriptor_create, "cudnnBackendCreateDescriptor");
  find(all.descriptor_destroy, "cudnnBackendDestroyDescriptor");
  find(all.set, "cudnnBackendSetAttribute");
  find(all.get, "cudnnBackendGetAttribute");
  find(all.finalize, "cudnnBackendFinalize");
  find(all.execute, "cudnnBackendExecute");
  return whole ? std::optional(all) : std::nullopt;
}

/// The last line of what cuDNN has to say to this thread: those before are of engines that it did not propose.
std::string last_error() {
  std::vector<char> text(std::size_t{64} << 10);
  cudnn_functions()->last_error(text.data(), text.size());
  std::string_view reasons(text.data());
  while (reasons.ends_with('\n')) reasons.remove_suffix(1);
  return std::string(reasons.substr(reasons.rfind('\n') + 1));
}

CudnnDescriptor make_properties(std::string_view json) {
  CudnnDescriptor properties(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  properties.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, std::span(json));
  properties.finish("properties of a device");
  return properties;
}

}  // namespace

const CudnnFunctions* cudnn_functions() {
  static const std::optional<CudnnFunctions> functions = find_functions();
  return functions ? &*functions : nullptr;
}

void check_cudnn(cudnnStatus_t status, std::string_view what, const std::source_location& where) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  fail(ErrorCode::internal, "cuDNN: {}: {}, {} ({}:{})", what, cudnn_functions()->error_string(status), last_error(),
       std::string_view(where.file_name()), where.line());
}

CudnnDescriptor::CudnnDescriptor(cudnnBackendDescriptorType_t type)
    : descriptor_(nullptr, cudnn_functions()->descriptor_destroy) {
  cudnnBackendDescriptor_t made = nullptr;
  check_cudnn(cudnn_functions()->descriptor_create(type, &made), "descriptor");
  descriptor_.reset(made);
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, const CudnnDescriptor& value) {
  const cudnnBackendDescriptor_t descriptor = value.get();
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &descriptor);
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, const std::vector<CudnnDescriptor>& values) {
  std::vector<cudnnBackendDescriptor_t> descriptors;
  for (const CudnnDescriptor& each : values) descriptors.push_back(each.get());
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, descriptors.size(), descriptors.data());
}

void CudnnDescriptor::finish(std::string_view what) { check_cudnn(cudnn_functions()->finalize(get()), what); }

std::vector<CudnnDescriptor> CudnnDescriptor::list(cudnnBackendAttributeName_t name,
                                                   cudnnBackendDescriptorType_t of) const {
  std::vector<CudnnDescriptor> found;
  std::vector<cudnnBackendDescriptor_t> descriptors;
  for (std::size_t i = count(name, CUDNN_TYPE_BACKEND_DESCRIPTOR); i > 0; --i) {
    descriptors.push_back(found.emplace_back(of).get());
  }
  const std::size_t read_count = read(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, descriptors.size(), descriptors.data());
  found.erase(found.begin() + static_cast<std::ptrdiff_t>(read_count), found.end());
  return found;
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t count,
                          const void* values) {
  check_cudnn(cudnn_functions()->set(get(), name, type, static_cast<std::int64_t>(count), values), "attribute");
}

std::size_t CudnnDescriptor::count(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const {
  std::int64_t count = 0;
  check_cudnn(cudnn_functions()->get(get(), name, type, 0, &count, nullptr), "number of an attribute's values");
  return static_cast<std::size_t>(count);
}

std::size_t CudnnDescriptor::read(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t count,
                                  void* values) const {
  if (count == 0) return 0;
  std::int64_t found = 0;
  check_cudnn(cudnn_functions()->get(get(), name, type, static_cast<std::int64_t>(count), &found, values),
              "values of an attribute");
  return static_cast<std::size_t>(found);
}

Cudnn::Cudnn(const Device& device) : device_(&device), capability_(device.capability()), tf32_(device.tf32()) {
  if (!cudnn_functions()) {
    missing_ = cudnn_library().describe();
    return;
  }
  device.use();
  const cudnnStatus_t status = cudnn_functions()->create(&handle_);
  if (status == CUDNN_STATUS_SUCCESS) {
    check_cudnn(cudnn_functions()->set_stream(handle_, device.stream()), "stream");
  } else {
    missing_ = fmt::format("cuDNN does not start: {}, {}", cudnn_functions()->error_string(status), last_error());
  }
}

Cudnn::Cudnn(std::string_view properties, int capability, bool tf32) : capability_(capability), tf32_(tf32) {
  check(cudnn_functions(), ErrorCode::unsupported, "cuDNN: {}", cudnn_library().describe());
  properties_ = std::make_unique<CudnnDescriptor>(make_properties(properties));
}

Cudnn::~Cudnn() {
  if (!handle_) return;
  cudaSetDevice(device_->ordinal());
  cudnn_functions()->destroy(handle_);
}

}  // namespace sumi::cuda
