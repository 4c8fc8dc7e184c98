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

  /// A matrix or filter bank; nullptr where the module has none. Models read vectors once and for all.
  AdaptedSource* find(std::string_view module) const {
    const std::string* name = modules_.find(module);
    if (!name) return nullptr;
    const auto found = tensors_.find(*name + ".weight");
    return found == tensors_.end() || found->second->shape().rank() < 2 ? nullptr : found->second.get();
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
  explicit Resolution(const std::map<std::string, std::shared_ptr<AdaptedCheckpoint>>& components) {
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

  std::map<AdaptedSource*, std::vector<ScaledChange>> changes;
  std::vector<std::string> unmatched;

 private:
  void tell(const Adapter& adapter, std::string_view name) {
    unmatched.push_back(fmt::format("{}: {}", adapter.where(), name));
  }

  bool add(const AdapterUse& use, const Adapter::Layer& layer) {
    const ModulePlace place = place_of(layer.module);
    for (const Targets& target : targets_) {
      AdaptedSource* source = target.belongs(place.component) ? target.find(place.name) : nullptr;
      if (!source) continue;
      if (!fits(layer.change, source->shape())) {
        if (reads_prompt(layer.module)) refuse(*use.adapter);
        tell(*use.adapter, fmt::format("{} (a change of {}x{}, the model's weight is {})", layer.module,
                                       layer.change.rows, layer.change.columns, source->shape().text()));
        return false;
      }
      const double weight = target.is_text() ? use.text_weight : use.weight;
      // Zero leaves the file's own bits.
      if (weight != 0) changes[source].push_back({{use.adapter, &layer.change}, weight});
      return true;
    }
    tell(*use.adapter, layer.module);
    return false;
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

  std::vector<Targets> targets_;
};

}  // namespace

void Adapters::add_component(std::string name, std::shared_ptr<AdaptedCheckpoint> checkpoint) {
  components_[std::move(name)] = std::move(checkpoint);
}

AdapterReport Adapters::set(const std::vector<AdapterUse>& uses) {
  Resolution resolution(components_);
  for (const AdapterUse& use : uses) resolution.add(use);
  AdapterReport report{resolution.changes.size(), std::move(resolution.unmatched)};
  for (const auto& [name, checkpoint] : components_) {
    for (const auto& [tensor, source] : checkpoint->adapted()) source->set(std::move(resolution.changes[source.get()]));
  }
  return report;
}

}  // namespace sumi
