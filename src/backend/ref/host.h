#pragma once

#include <memory>
#include <string_view>

#include "ops/operations.h"

namespace sumi {

/// A backend in the memory of this process. The lists of its operations are filled by whoever makes it.
class HostBackend : public Backend {
 public:
  HostBackend(std::string_view name, DType preferred_type) : name_(name), preferred_type_(preferred_type) {}

  std::string_view name() const override { return name_; }
  bool host() const override { return true; }
  Operations& operations() override { return operations_; }
  /// Whole pages straight from the system, so that what is given back is given back at once. Error(out_of_memory).
  Buffer allocate(std::size_t bytes) override;
  void upload(std::span<const std::byte> from, std::byte* to) override;
  void download(const std::byte* from, std::span<std::byte> to) override;
  void fill(std::byte* to, std::size_t, const std::function<void(std::byte*)>& write) override { write(to); }
  DType preferred_type() const override { return preferred_type_; }
  const std::shared_ptr<std::atomic<std::size_t>>& booked() const override { return booked_; }

 private:
  std::string_view name_;  ///< a literal
  DType preferred_type_;
  Operations operations_;
  std::shared_ptr<std::atomic<std::size_t>> booked_ = std::make_shared<std::atomic<std::size_t>>(0);
};

/// Appends the plain implementation of every op, called "ref": the definition of right, and the last of every host
/// backend's lists. It takes f32, bf16 and f16, sums in double and rounds once, when it stores.
void add_ref(Operations& operations);

/// Every op by its plain implementation, in float32 unless asked otherwise.
std::unique_ptr<Backend> make_ref_backend();

}  // namespace sumi
