#include "pipelines/slots.h"

#include "ops/elementwise.h"

namespace sumi {

Slots::Slots(Context& ctx, int kept, Tensor sample) : slots_(static_cast<std::size_t>(sumi::kept(kept))) {
  for (int i = 0; i < kept; ++i) at(sumi::kept(i)) = ctx.tensor(sample.shape(), DType::f32);
  at(Slot::sample) = std::move(sample);
}

void Slots::apply(Context& ctx, const Step& step, const Tensor& prediction, Noise& noise) {
  at(Slot::prediction) = prediction;
  for (const Combination& update : step.updates) {
    std::vector<Term> terms;
    for (const auto& term : update.terms) {
      if (term.slot == Slot::noise && !at(Slot::noise)) at(Slot::noise) = noise.draw(ctx);
      terms.push_back({term.coefficient, at(term.slot)});
    }
    combine(ctx, terms, {.limit = update.limit, .into = at(update.to)});
  }
  at(Slot::prediction) = at(Slot::noise) = {};
}

}  // namespace sumi
