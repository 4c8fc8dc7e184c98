#include "backend/meta/meta.h"

namespace sumi {
namespace {

class MetaBackend final : public Backend {
 public:
  MetaBackend(Backend& target, Packing packing) : target_(target), packing_(packing) {}

  std::string_view name() const override { return "meta"; }
  bool dry() const override { return true; }
  bool packs() const override { return packing_ == Packing::real; }
  bool host() const override { return target_.host(); }
  Operations& operations() override { return target_.operations(); }
  Buffer allocate(std::size_t bytes) override { return packs() ? target_.allocate(bytes) : nullptr; }
  void upload(std::span<const std::byte> from, std::byte* to) override {
    if (packs()) target_.upload(from, to);
  }
  void download(const std::byte*, std::span<std::byte>) override {}
  void fill(std::byte* to, std::size_t bytes, const std::function<void(std::byte*)>& write) override {
    if (packs()) target_.fill(to, bytes, write);
  }
  bool merges(std::size_t bytes) const override { return target_.merges(bytes); }
  std::unique_ptr<WeightMemory> hold(std::size_t bytes) override { return target_.hold(bytes); }
  bool records() const override { return target_.records(); }
  DType preferred_type() const override { return target_.preferred_type(); }
  DType wide_type() const override { return target_.wide_type(); }
  const std::shared_ptr<std::atomic<std::size_t>>& booked() const override { return target_.booked(); }

 private:
  Backend& target_;
  Packing packing_;
};

}  // namespace

std::unique_ptr<Backend> make_meta_backend(Backend& target, Packing packing) {
  return std::make_unique<MetaBackend>(target, packing);
}

}  // namespace sumi
