#include "ops/weight.h"

namespace sumi {

Weight::Form& Weight::form(Backend& backend, const Plan& plan) const {
  for (Form& form : forms_) {
    if (form.layout == plan.layout) return form;
  }
  forms_.push_back({plan.layout, std::make_unique<Booking>(backend.booked(), plan.packed_bytes), nullptr, {}});
  return forms_.back();
}

void Weight::pack(Form& form, Backend& backend, std::size_t bytes, const std::function<void(std::byte*)>& write) {
  form.revision.reset();
  if (!form.data) form.data = backend.allocate(bytes);
  if (backend.host()) {
    write(form.data.get());
  } else {
    std::vector<std::byte> staged(bytes);
    write(staged.data());
    backend.upload(staged, form.data.get());
  }
}

Tensor Vector::on(Backend& backend) const {
  if (values_.empty()) return {};
  const auto bytes = std::as_bytes(std::span(values_));
  const auto wrapped = [&](const std::byte* data) { return Tensor::wrap(data, {size()}, DType::f32); };
  if (backend.host()) return wrapped(bytes.data());
  if (!booking_) booking_ = std::make_unique<Booking>(backend.booked(), bytes.size());
  if (!data_ && backend.packs()) {
    data_ = backend.allocate(bytes.size());
    backend.upload(bytes, data_.get());
  }
  return wrapped(data_.get());
}

}  // namespace sumi
