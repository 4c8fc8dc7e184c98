#include "adapters/adapters.h"

#include <cmath>
#include <utility>

#include "adapters/family.h"
#include "adapters/names.h"
#include "core/check.h"

namespace sumi {
namespace {

/// The tensors of one component, to be found by what files call their modules.
class Targets {
 public:
  Targets(std::string name, const AdaptedCheckpoint& checkpoint)
      : name_(std::move(name)), tensors_(checkpoint.adapted()), modules_(checkpoint.tensors()) {}

  bool belongs(std::string_view component) const { return component.empty() || component == name_; }
  bool is_text() const { return name_.starts_with("text_encoder"); }

  struct Target {
    AdaptedSource* source = nullptr;
    bool layer = false;  ///< the weight of a layer that adds factors beside it, not a table of embeddings or a vector
  };
  /// Without a source where the module has no such tensor.
  Target find(std::string_view module, std::string_view tensor) const {
    const std::string* name = modules_.find(module);
    if (!name) return {};
    const auto found = tensors_.find(fmt::format("{}.{}", *name, tensor));
    if (found == tensors_.end() || found->second->shape().rank() == 0) return {};
    return {found->second.get(), found->second->shape().rank() > 1 && !name->ends_with("_embedding")};
  }

  /// Channels of the prompt that a UNet reads; 0 where it reads none.
  std::int64_t prompt_channels() const {
    for (const auto& [name, source] : tensors_) {
      if (reads_prompt(name)) return source->shape()[1];
    }
    return 0;
  }

 private:
  std::string name_;
  const AdaptedCheckpoint::Adapted& tensors_;
  ModuleNames modules_;
};

bool fits(const WeightChange& change, const Shape& weight) {
  return weight[0] == change.rows && weight.elements() == change.rows * change.columns;
}

/// What a list of adapters comes to, before anything is changed.
class Resolution {
 public:
  Resolution(const std::map<std::string, std::shared_ptr<AdaptedCheckpoint>>& components, LoraMode mode) : mode_(mode) {
    for (const auto& [name, checkpoint] : components) targets_.emplace_back(name, *checkpoint);
  }

  void add(const AdapterUse& use) {
    const Adapter& adapter = *use.adapter;
    check(std::isfinite(use.weight) && std::isfinite(use.text_weight), ErrorCode::usage,
          "{}: the weight of an adapter must be a number", adapter.where());
    std::size_t fitting = 0;
    for (const std::string& name : adapter.unread()) tell(adapter, name);
    for (const Adapter::Layer& layer : adapter.layers()) fitting += add(use, layer) ? 1 : 0;
    if (fitting == 0) refuse(adapter);
  }

  struct Changes {
    std::vector<ScaledChange> merged, beside;
  };
  std::map<AdaptedSource*, Changes> changes;
  std::vector<std::string> unmatched;

 private:
  void tell(const Adapter& adapter, std::string_view name) {
    unmatched.push_back(fmt::format("{}: {}", adapter.where(), name));
  }

  bool add(const AdapterUse& use, const Adapter::Layer& layer) {
    const ModulePlace place = place_of(layer.module);
    const std::string name = layer.tensor == "weight" ? layer.module : layer.module + " (bias)";
    for (const Targets& targets : targets_) {
      if (!targets.belongs(place.component)) continue;
      const Targets::Target target = targets.find(place.name, layer.tensor);
      if (!target.source) continue;
      if (!fits(layer.change, target.source->shape())) {
        if (reads_prompt(layer.module)) refuse(*use.adapter);
        tell(*use.adapter, fmt::format("{} (a change of {}x{}, the model's weight is {})", name, layer.change.rows,
                                       layer.change.columns, target.source->shape().text()));
        return false;
      }
      put({{use.adapter, &layer.change}, targets.is_text() ? use.text_weight : use.weight}, target);
      return true;
    }
    tell(*use.adapter, name);
    return false;
  }

  void put(ScaledChange change, const Targets::Target& target) {
    if (change.weight == 0) return;  // the file's own bits, and nothing to compute
    const bool beside = mode_ == LoraMode::apply && target.layer && change.change->product;
    (beside ? changes[target.source].beside : changes[target.source].merged).push_back(std::move(change));
  }

  [[noreturn]] void refuse(const Adapter& adapter) const {
    std::int64_t channels = 0;
    for (const Targets& target : targets_) channels = std::max(channels, target.prompt_channels());
    const std::string model = channels ? family_of(channels) : "of another kind";
    const std::string family = family_of(adapter);
    if (family.empty() || family == model) {
      fail(ErrorCode::bad_model, "{}: none of its {} changes fits the model, which is {}", adapter.where(),
           adapter.layers().size(), model);
    }
    fail(ErrorCode::bad_model, "{}: made for {}, the model is {}", adapter.where(), family, model);
  }

  LoraMode mode_;
  std::vector<Targets> targets_;
};

}  // namespace

void Adapters::add_component(std::string name, std::shared_ptr<AdaptedCheckpoint> checkpoint) {
  components_[std::move(name)] = std::move(checkpoint);
  last_ = {};
}

AdapterReport Adapters::set(const std::vector<AdapterUse>& uses, LoraMode mode) {
  if (uses == last_.uses && mode == last_.mode) return last_.report;
  Resolution resolution(components_, mode);
  for (const AdapterUse& use : uses) resolution.add(use);
  AdapterReport report{.changed = resolution.changes.size(), .unmatched = std::move(resolution.unmatched)};
  for (const auto& [name, checkpoint] : components_) {
    for (const auto& [tensor, source] : checkpoint->adapted()) {
      auto [merged, beside] = std::move(resolution.changes[source.get()]);
      report.merged += merged.empty() ? 0 : 1;
      report.beside += beside.empty() ? 0 : 1;
      source->set(std::move(merged), std::move(beside));
    }
  }
  last_ = {uses, mode, report};
  return report;
}

}  // namespace sumi
