#include "backend/meta/meta.h"

namespace sumi {
namespace {

class MetaBackend final : public Backend {
 public:
  explicit MetaBackend(Backend& target) : target_(target) {}

  std::string_view name() const override { return "meta"; }
  bool dry() const override { return true; }
  bool host() const override { return target_.host(); }
  Operations& operations() override { return target_.operations(); }
  Buffer allocate(std::size_t) override { return nullptr; }
  void upload(std::span<const std::byte>, std::byte*) override {}
  void download(const std::byte*, std::span<std::byte>) override {}
  DType preferred_type() const override { return target_.preferred_type(); }
  const std::shared_ptr<std::atomic<std::size_t>>& booked() const override { return target_.booked(); }

 private:
  Backend& target_;
};

}  // namespace

std::unique_ptr<Backend> make_meta_backend(Backend& target) { return std::make_unique<MetaBackend>(target); }

}  // namespace sumi
