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

const FactorWeights* Weight::beside() const {
  std::vector<LowRank> parts = source_->beside();
  if (parts != parts_) {
    factors_ = parts.empty() ? nullptr
                             : std::make_shared<const FactorWeights>(FactorWeights{Weight(joined_down(parts, shape())),
                                                                                   Weight(joined_up(parts, shape()))});
    parts_ = std::move(parts);
  }
  return factors_.get();
}

void Weight::release() const {
  forms_.clear();
  parts_.clear();
  factors_.reset();
}

Vector::Vector(std::vector<float> values) {
  if (values.empty()) return;
  const Shape shape{static_cast<std::int64_t>(values.size())};
  source_ = values_source(shape, std::move(values));
}

const std::vector<float>& Vector::values() const {
  if (source_ && (values_.empty() || read_ != source_->revision())) {
    values_ = read_all(*prepared(source_));
    read_ = source_->revision();
  }
  return values_;
}

Tensor Vector::on(Backend& backend) const {
  if (!source_) return {};
  const auto wrapped = [&](const void* data) { return Tensor::wrap(data, {size()}, DType::f32); };
  if (backend.host()) return wrapped(backend.packs() ? values().data() : nullptr);
  const std::size_t bytes = static_cast<std::size_t>(size()) * sizeof(float);
  if (!booking_) booking_ = std::make_unique<Booking>(backend.booked(), bytes);
  if (backend.packs() && (!data_ || uploaded_ != source_->revision())) {
    if (!data_) data_ = backend.allocate(bytes);
    backend.upload(std::as_bytes(std::span(values())), data_.get());
    uploaded_ = source_->revision();
  }
  return wrapped(data_.get());
}

}  // namespace sumi
