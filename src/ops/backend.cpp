#include "ops/backend.h"

#include "core/check.h"

namespace sumi {
namespace {

/// On the device from when it is first filled.
class WholeWeight final : public WeightMemory {
 public:
  WholeWeight(Backend& backend, std::size_t bytes) : backend_(backend), bytes_(bytes) {}

  void fill(const std::function<void(std::byte*)>& write) override {
    if (!data_) data_ = backend_.allocate(bytes_);
    backend_.fill(data_.get(), bytes_, write);
  }
  const std::byte* here() override { return data_.get(); }

 private:
  Backend& backend_;
  std::size_t bytes_;
  Buffer data_;
};

}  // namespace

std::unique_ptr<WeightMemory> Backend::hold(std::size_t bytes) { return std::make_unique<WholeWeight>(*this, bytes); }

std::unique_ptr<Recording> Backend::record(const std::function<void()>&) {
  fail(ErrorCode::internal, "{}: records nothing", name());
}

}  // namespace sumi
