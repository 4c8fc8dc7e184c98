#include <algorithm>
#include <array>
#include <cstring>

#include "backend/cuda/attention_flash.h"
#include "backend/cuda/cuda.h"
#include "backend/cuda/fp8.h"
#include "backend/cuda/libraries.h"
#include "backend/cuda/plain.h"
#include "backend/cuda/recording.h"
#include "backend/cuda/staging.h"
#include "backend/cuda/upload_values.h"
#include "backend/cuda/weight_store.h"
#include "core/arena.h"

namespace sumi {
namespace cuda {
namespace {

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(const CudaOptions& options)
      : device_(std::make_shared<Device>(options.ordinal, options.tf32)), staging_(*device_) {
    keep_freed_memory();
    if (options.memory > 0) store_ = std::make_shared<WeightStore>(device_, *this, options.memory);
  }
  ~CudaBackend() override { device_->finish(); }

  std::string_view name() const override { return "cuda"; }
  bool host() const override { return false; }
  Operations& operations() override { return operations_; }
  DType preferred_type() const override { return DType::f16; }
  double peak_gflops(DType type) const override { return device_->peak_gflops(type); }
  Gain gain(Rounding rounding) const override {
    return rounding == Rounding::fp8 && device_->multiplies_fp8() ? Gain::speed : Gain::none;
  }
  std::size_t device_bytes() const override { return device_->bytes_in_use(); }
  DType wide_type() const override { return device_->multiplies_bf16() ? DType::bf16 : DType::f32; }
  const std::shared_ptr<std::atomic<std::size_t>>& booked() const override { return booked_; }
  const Device& device() const { return *device_; }

  /// Given back when the stream comes to that point, so work that is queued still has it.
  Buffer allocate(std::size_t bytes) override {
    if (store_) return store_->allocate(bytes);
    device_->use();
    void* memory = nullptr;
    const std::size_t size = std::max<std::size_t>(bytes, 1);
    check_cuda(cudaMallocAsync(&memory, size, device_->stream()), fmt::format("{} bytes of device memory", bytes));
    return {static_cast<std::byte*>(memory), [device = device_](std::byte* data) {
              cudaSetDevice(device->ordinal());
              cudaFreeAsync(data, device->stream());
            }};
  }

  void upload(std::span<const std::byte> from, std::byte* to) override {
    if (is_few(from.size())) return upload_few(from, to);
    staging_.upload(to, from.size(), [&](std::byte* staged) { std::memcpy(staged, from.data(), from.size()); });
  }
  void fill(std::byte* to, std::size_t bytes, const std::function<void(std::byte*)>& write) override {
    if (!is_few(bytes)) return staging_.upload(to, bytes, write);
    alignas(Arena::alignment) std::array<std::byte, most_few> few;
    write(few.data());
    upload_few(std::span(few).first(bytes), to);
  }
  void download(const std::byte* from, std::span<std::byte> to) override { staging_.download(from, to); }

  std::unique_ptr<WeightMemory> hold(std::size_t bytes) override {
    return store_ ? store_->hold(bytes) : Backend::hold(bytes);
  }
  void make_room(std::size_t bytes) override {
    if (store_) store_->make_room(bytes);
  }
  Offload offload() const override { return store_ ? store_->offload() : Offload(); }
  /// As long as weights take no more than half of the memory. Not under a limit, where a weight has no place to stay.
  bool merges(std::size_t bytes) const override {
    return !store_ && *booked_ + bytes <= device_->properties().totalGlobalMem / 2;
  }

  void finish() override { device_->finish(); }
  bool records() const override { return true; }
  std::unique_ptr<Recording> record(const std::function<void()>& body) override {
    return store_ ? store_->record(body) : cuda::record(*device_, body);
  }

 private:
  // Four kernels: more would take longer than a copy.
  static constexpr std::size_t most_few = 4 * most_parameter_bytes;
  static bool is_few(std::size_t bytes) { return bytes % 4 == 0 && bytes <= most_few; }

  void upload_few(std::span<const std::byte> from, std::byte* to) const {
    device_->use();
    for (; !from.empty(); to += most_parameter_bytes) {
      const auto part = from.first(std::min(from.size(), most_parameter_bytes));
      upload_values(*device_, part, to);
      from = from.subspan(part.size());
    }
  }

  /// Else the system would get it back whenever the stream is waited for, and give it again for some time.
  void keep_freed_memory() const {
    cudaMemPool_t pool = nullptr;
    check_cuda(cudaDeviceGetDefaultMemPool(&pool, device_->ordinal()), "memory pool");
    std::uint64_t all = ~std::uint64_t{0};
    check_cuda(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all), "memory pool");
  }

  std::shared_ptr<Device> device_;
  Staging staging_;
  std::shared_ptr<WeightStore> store_;  // where there is a limit
  Operations operations_;
  std::shared_ptr<std::atomic<std::size_t>> booked_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace
}  // namespace cuda

std::unique_ptr<Backend> make_cuda_backend(const CudaOptions& options) {
  auto backend = std::make_unique<cuda::CudaBackend>(options);
  Operations& operations = backend->operations();
  const cuda::Device& device = backend->device();
  cuda::add_libraries(operations, device);
  cuda::add_flash_attention(operations, device);
  cuda::add_fp8(operations, device);
  cuda::add_plain(operations, device);
  return backend;
}

}  // namespace sumi
