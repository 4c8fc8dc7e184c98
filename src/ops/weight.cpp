#include "ops/weight.h"

#include <algorithm>

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
  backend.fill(form.data.get(), bytes, write);
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

Tensor Vector::on(Backend& backend, DType type) const {
  if (!source_) return {};
  const auto wrapped = [&](const void* data) { return Tensor::wrap(data, {size()}, type); };
  if (backend.host() && type == DType::f32) return wrapped(backend.packs() ? values().data() : nullptr);
  const std::size_t bytes = static_cast<std::size_t>(size()) * bytes_of(type);
  auto form = std::find_if(forms_.begin(), forms_.end(), [&](const Form& each) { return each.type == type; });
  if (form == forms_.end()) {
    form = forms_.insert(form, {type, std::make_unique<Booking>(backend.booked(), bytes), nullptr, {}});
  }
  if (backend.packs() && form->revision != source_->revision()) {
    if (!form->data) form->data = backend.allocate(bytes);
    backend.fill(form->data.get(), bytes, [&](std::byte* to) { from_float(values(), type, to); });
    form->revision = source_->revision();
  }
  return wrapped(form->data.get());
}

}  // namespace sumi
