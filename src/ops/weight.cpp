#include "ops/weight.h"

#include <algorithm>

#include "ops/linear.h"

namespace sumi {

/// Products that are added to a packed weight.
struct Weight::Products {
  std::vector<LowRank> parts;  ///< what they are made of
  bool on_device;
  Weight up;    ///< (rows, ranks)
  Weight down;  ///< (columns, ranks), in the order of the packed form
};

Weight::Form& Weight::form(Backend& backend, const Plan& plan) const {
  for (Form& form : forms_) {
    if (form.layout == plan.layout) return form;
  }
  forms_.push_back({plan.layout,
                    std::make_unique<Booking>(backend.booked(), plan.packed_bytes),
                    backend.hold(plan.packed_bytes),
                    {},
                    {}});
  return forms_.back();
}

const std::byte* Weight::packed(Context& ctx, const Plan& plan, const Pack& pack) const {
  Backend& backend = ctx.backend;
  Form& form = this->form(backend, plan);
  if (backend.dry()) form.memory->foresee(ctx.need);
  const LowRankSum sum = plan.packs_rows ? source_->sum() : LowRankSum{};
  const Products* products = this->products(backend, plan, sum);
  const bool base = sum.base && (products || sum.factors.empty());
  const SourcePtr& source = base ? sum.base : source_;
  const Version version{base, source->revision()};
  if (backend.packs() && form.version != version) {
    const SourcePtr ready = prepared(source, plan.packed_type);
    form.version.reset();
    form.memory->fill([&](std::byte* to) { pack(*ready, to); });
    form.version = version;
  }
  const std::byte* values = backend.dry() ? nullptr : form.memory->here();
  if (products) return merged(ctx, plan, form, values, *products);
  form.merged.reset();
  return values;
}

const Weight::Products* Weight::products(Backend& backend, const Plan& plan, const LowRankSum& sum) const {
  if (sum.factors.empty()) {
    products_.reset();
  } else if (!products_ || products_->parts != sum.factors) {
    for (Form& form : forms_) form.merged.reset();
    products_ = std::make_shared<const Products>(Products{sum.factors, backend.merges(plan.packed_bytes),
                                                          Weight(joined_up(sum.factors, shape())),
                                                          Weight(columns_source(joined_down(sum.factors, shape())))});
  }
  return products_ && products_->on_device ? products_.get() : nullptr;
}

/// base + up down, a linear of the rows of `up`.
const std::byte* Weight::merged(Context& ctx, const Plan& plan, Form& form, const std::byte* base,
                                const Products& products) const {
  Backend& backend = ctx.backend;
  if (!form.merged) {
    form.merged.emplace(std::make_unique<Booking>(backend.booked(), plan.packed_bytes), nullptr, std::nullopt);
  }
  Merged& merged = *form.merged;
  if (backend.packs() && !merged.data) merged.data = backend.allocate(plan.packed_bytes);
  if (!backend.dry() && merged.revision == source_->revision()) return merged.data.get();
  const Shape matrix{shape()[0], columns_of(shape())};
  const double flops = ctx.flops;  // of the model alone
  if (!backend.dry()) merged.revision.reset();
  linear(ctx, products.up.rows(ctx, plan.packed_type), products.down,
         {.residual = Tensor::wrap(base, matrix, plan.packed_type),
          .into = Tensor::wrap(merged.data.get(), matrix, plan.packed_type)});
  ctx.flops = flops;
  if (!backend.dry()) merged.revision = source_->revision();
  return merged.data.get();
}

Tensor Weight::rows(Context& ctx, DType type) const {
  const Plan plan{.layout = fmt::format("{} as a tensor", name_of(type)),
                  .packed_bytes = static_cast<std::size_t>(shape().elements()) * bytes_of(type),
                  .packed_type = type};
  const auto pack = [&](const Source& source, std::byte* to) { from_float(read_all(source), type, to); };
  return Tensor::wrap(packed(ctx, plan, pack), {shape()[0], columns_of(shape())}, type);
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
  products_.reset();
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
    form = forms_.insert(form, {type, std::make_unique<Booking>(backend.booked(), bytes), backend.hold(bytes), {}});
  }
  if (backend.dry()) form->memory->foresee(Need::always);
  if (backend.packs() && form->revision != source_->revision()) {
    form->revision.reset();
    form->memory->fill([&](std::byte* to) { from_float(values(), type, to); });
    form->revision = source_->revision();
  }
  return wrapped(backend.dry() ? nullptr : form->memory->here());
}

}  // namespace sumi
