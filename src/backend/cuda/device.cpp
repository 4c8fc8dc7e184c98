#include "backend/cuda/device.h"

#include <algorithm>
#include <iterator>

#include "backend/cuda/status.h"

namespace sumi::cuda {
namespace {

constexpr int least_capability = 75, least_tf32_capability = 80;

void check_ordinal(int ordinal) {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status != cudaSuccess) cudaGetLastError();
  check(status != cudaErrorInsufficientDriver, ErrorCode::unsupported,
        "device 'cuda': no NVIDIA driver, or one too old for CUDA {}; `sumi doctor` says more", CUDART_VERSION / 1000);
  check(status == cudaSuccess && devices > 0, ErrorCode::unsupported,
        "device 'cuda': the driver finds no NVIDIA GPU ({})", cudaGetErrorString(status));
  check(ordinal >= 0 && ordinal < devices, ErrorCode::usage, "device 'cuda:{}': there are {}, from cuda:0", ordinal,
        devices);
}

}  // namespace

Device::Device(int ordinal, bool tf32) : ordinal_(ordinal), tf32_(tf32) {
  check_ordinal(ordinal);
  use();
  check_cuda(cudaGetDeviceProperties(&properties_, ordinal), "properties of the device");
  check(capability() >= least_capability, ErrorCode::unsupported,
        "device 'cuda:{}': {} has compute capability {}.{}, Sumi needs 7.5", ordinal, properties_.name,
        properties_.major, properties_.minor);
  check(!tf32 || capability() >= least_tf32_capability, ErrorCode::unsupported,
        "dtype tf32: {} has compute capability {}.{}, tf32 needs 8.0; take f32 or f16", properties_.name,
        properties_.major, properties_.minor);
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
}

Device::~Device() {
  if (!stream_) return;
  cudaSetDevice(ordinal_);
  cudaStreamSynchronize(stream_);
  cudaStreamDestroy(stream_);
}

double Device::peak_gflops(DType type) const {
  // Operations of a multiprocessor in a cycle; NVIDIA's white papers on Turing, Ampere, Ada and Hopper.
  struct Rates {
    int least_capability;
    double f32, tf32, narrow;
  };
  constexpr Rates table[] = {{90, 256, 2048, 4096}, {86, 256, 512, 1024}, {80, 128, 1024, 2048}, {75, 128, 128, 1024}};
  const Rates& rates = *std::find_if(std::begin(table), std::end(table),
                                     [&](const Rates& each) { return capability() >= each.least_capability; });
  int kilohertz = 0;
  if (cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, ordinal_) != cudaSuccess) return 0;
  const double rate = type == DType::f32 ? tf32_ ? rates.tf32 : rates.f32
                      : type == DType::f16 || (type == DType::bf16 && multiplies_bf16()) ? rates.narrow
                                                                                         : 0;
  return rate * processors() * kilohertz * 1e-6;
}

std::size_t Device::bytes_in_use() const {
  use();
  std::size_t free = 0, total = 0;
  check_cuda(cudaMemGetInfo(&free, &total), "memory of the device");
  return total - free;
}

void Device::use() const { check_cuda(cudaSetDevice(ordinal_), "choice of the device"); }

void Device::finish() const {
  use();
  check_cuda(cudaStreamSynchronize(stream_), "work on the device");
}

}  // namespace sumi::cuda
