#include "backend/cuda/libraries.h"

#include "backend/cuda/attention_cudnn.h"
#include "backend/cuda/conv2d_cudnn.h"
#include "backend/cuda/conv2d_phases.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/library.h"
#include "backend/cuda/linear_cublas.h"
#include "backend/ref/conv2d_repeated.h"

namespace sumi::cuda {
namespace {

/// All that decides which way is fastest, besides the case.
std::string machine(const Device& device) {
  return fmt::format("{}, {} multiprocessors, cuBLASLt {}, cuDNN {}", device.properties().name, device.processors(),
                     cublas_library().version(), cudnn_library().version());
}

}  // namespace

void add_libraries(Operations& operations, const Device& device) {
  const auto plans = std::make_shared<PlanFile>(plan_file_path(device.properties().name), machine(device));
  const auto cudnn = std::make_shared<const Cudnn>(device);
  add_cudnn_conv2d(operations, cudnn, plans);
  add_cudnn_phases(operations, cudnn, plans);
  add_repeated(operations, "plain", [&device](const auto& c, const auto& args) { run(device, c, args); });
  add_cublas(operations, device, plans);
  add_cudnn_attention(operations, cudnn, plans);
}

std::vector<std::pair<std::string, std::string>> describe_libraries() {
  return {{"cuBLASLt", cublas_library().describe()}, {"cuDNN", cudnn_library().describe()}};
}

}  // namespace sumi::cuda
