#include "weights/loader.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/ranges.h>

#include "core/check.h"

namespace sumi {
namespace {

/// Stands in for a tensor that is missing or misshapen.
class ZeroSource final : public Source {
 public:
  explicit ZeroSource(const Shape& shape) : Source(shape, DType::f32) {}
  void read(std::int64_t, std::span<float> out) const override { std::fill(out.begin(), out.end(), 0.0f); }
};

bool holds_weights(DType type) {
  switch (type) {
    case DType::f32:
    case DType::bf16:
    case DType::f16:
    case DType::f64:
    case DType::f8_e4m3:
    case DType::f8_e5m2: return true;
    default: return false;
  }
}

bool equal_but_for_trailing_ones(const Shape& a, const Shape& b) {
  const auto& [shorter, longer] = a.rank() < b.rank() ? std::tie(a, b) : std::tie(b, a);
  return std::equal(shorter.begin(), shorter.end(), longer.begin()) &&
         std::all_of(longer.begin() + shorter.rank(), longer.end(), [](std::int64_t extent) { return extent == 1; });
}

bool matches(const std::string& name, std::string_view pattern) {
  return pattern.starts_with('*') ? name.ends_with(pattern.substr(1)) : name == pattern;
}

/// "3 tensors are missing: a, b, c", naming at most `budget` of them, which it takes off.
std::string listed(const std::vector<std::string>& items, std::string_view what, std::size_t& budget) {
  const std::size_t named = std::min(budget, items.size());
  budget -= named;
  std::string text = fmt::format("{} {}", items.size(), what);
  if (named == 0) return text;
  text += fmt::format(": {}", fmt::join(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(named), ", "));
  if (named < items.size()) text += fmt::format(" and {} more", items.size() - named);
  return text;
}

}  // namespace

struct Loader::State {
  CheckpointPtr checkpoint;
  Names names;
  std::set<std::string, std::less<>> used;  // names in the checkpoint
  std::vector<std::string> ignored{"*position_ids"};
  std::vector<std::string> missing, misshapen, mistyped;

  std::string file_name(std::string name) const { return names ? names(std::move(name)) : name; }
  SourcePtr take(const std::string& name, const Shape& expected);
  std::vector<std::string> unused() const;
};

SourcePtr Loader::State::take(const std::string& name, const Shape& expected) {
  const bool first_time = used.insert(name).second;
  const auto zeros = [&](std::vector<std::string>& problems, std::string text) {
    if (first_time) problems.push_back(std::move(text));
    return std::make_shared<ZeroSource>(expected);
  };
  SourcePtr source = checkpoint->want(name, expected);
  if (!source) return zeros(missing, fmt::format("{} ({})", name, expected.text()));
  if (!holds_weights(source->stored())) {
    return zeros(mistyped, fmt::format("{} is {}", name, name_of(source->stored())));
  }
  if (source->shape() == expected) return source;
  if (!equal_but_for_trailing_ones(source->shape(), expected)) {
    return zeros(misshapen, fmt::format("{} is {}, expected {}", name, source->shape().text(), expected.text()));
  }
  return reshaped_source(std::move(source), expected);
}

std::vector<std::string> Loader::State::unused() const {
  std::vector<std::string> found;
  for (const auto& [name, source] : checkpoint->tensors()) {
    const auto harmless = [&name = name](const std::string& pattern) { return matches(name, pattern); };
    if (!used.contains(name) && std::none_of(ignored.begin(), ignored.end(), harmless)) found.push_back(name);
  }
  return found;
}

Loader::Loader(CheckpointPtr checkpoint, Names names) : state_(std::make_shared<State>()) {
  state_->checkpoint = std::move(checkpoint);
  state_->names = std::move(names);
}

Loader Loader::at(std::string_view part) const {
  Loader inner = *this;
  inner.prefix_ = path(part) + ".";
  return inner;
}

Loader Loader::at(std::string_view list, int index) const { return at(fmt::format("{}.{}", list, index)); }

std::string Loader::path(std::string_view name) const { return prefix_ + std::string(name); }

bool Loader::has(std::string_view name) const {
  return state_->checkpoint->find(state_->file_name(path(name))) != nullptr;
}

SourcePtr Loader::weight(std::string_view name, const Shape& expected) const {
  return state_->take(state_->file_name(path(name)), expected);
}

std::vector<float> Loader::values(std::string_view name, const Shape& expected) const {
  return read_all(*weight(name, expected));
}

SourcePtr Loader::optional_weight(std::string_view name, const Shape& expected) const {
  return has(name) ? weight(name, expected) : nullptr;
}

std::optional<std::vector<float>> Loader::optional_values(std::string_view name, const Shape& expected) const {
  if (!has(name)) return std::nullopt;
  return values(name, expected);
}

void Loader::ignore(std::string name) const { state_->ignored.push_back(std::move(name)); }

void Loader::finish() const {
  const State& state = *state_;
  std::size_t budget = 20;  // names that a reader still takes in
  std::vector<std::string> parts;
  const auto tell = [&](const std::vector<std::string>& items, std::string_view what) {
    if (!items.empty()) parts.push_back(listed(items, what, budget));
  };
  tell(state.missing, "missing");
  tell(state.misshapen, "misshapen");
  tell(state.mistyped, "of a type that holds no weights");
  tell(state.unused(), "not used by this model");
  check(parts.empty(), ErrorCode::bad_model, "{}: tensors do not fit the configuration: {}", state.checkpoint->where(),
        fmt::join(parts, "; "));
}

Names clip_text_names(const Checkpoint& checkpoint) {
  constexpr std::string_view kPrefix = "text_model.";
  const auto& tensors = checkpoint.tensors();
  const auto prefixed = tensors.lower_bound(kPrefix);
  if (tensors.empty() || (prefixed != tensors.end() && prefixed->first.starts_with(kPrefix))) return {};
  return [kPrefix](std::string name) { return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name; };
}

Names vae_names(const Checkpoint& checkpoint) {
  const auto& tensors = checkpoint.tensors();
  const bool old = std::any_of(tensors.begin(), tensors.end(),
                               [](const auto& item) { return item.first.ends_with(".proj_attn.weight"); });
  if (!old) return {};
  return [](std::string name) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOld{
        {{".to_q.", ".query."}, {".to_k.", ".key."}, {".to_v.", ".value."}, {".to_out.0.", ".proj_attn."}}};
    for (const auto& [now, before] : kOld) {
      const auto place = name.find(now);
      if (place != std::string::npos) return name.replace(place, now.size(), before);
    }
    return name;
  };
}

}  // namespace sumi
