#include "core/trace.h"

#include <nlohmann/json.hpp>

#include "core/atomic_file.h"

namespace sumi {

Trace::Span::Span(Trace* trace, std::string_view category, std::string_view name) : trace_(trace) {
  if (!trace_) return;
  event_ = trace_->events_.size();
  trace_->events_.push_back({.category = category, .name = std::string(name), .start = trace_->now()});
}

Trace::Span::~Span() {
  if (!trace_) return;
  Event& event = trace_->events_[event_];
  event.seconds = trace_->now() - event.start;
}

void Trace::Span::detail(std::string shapes, std::string_view implementation, double flops) {
  if (!trace_) return;
  Event& event = trace_->events_[event_];
  event.shapes = std::move(shapes);
  event.implementation = implementation;
  event.flops = flops;
}

void Trace::write(const std::filesystem::path& path) const {
  auto list = nlohmann::json::array();
  for (const Event& event : events_) {
    nlohmann::json entry = {{"ph", "X"},
                            {"pid", 1},
                            {"tid", 1},
                            {"cat", event.category},
                            {"name", event.name},
                            {"ts", event.start * 1e6},
                            {"dur", event.seconds * 1e6}};
    if (!event.implementation.empty()) {
      entry["args"] = {{"shapes", event.shapes},
                       {"implementation", event.implementation},
                       {"gflop", event.flops / 1e9},
                       {"gflop_per_s", event.seconds > 0 ? event.flops / event.seconds / 1e9 : 0}};
    }
    list.push_back(std::move(entry));
  }
  const std::string text = nlohmann::json{{"traceEvents", std::move(list)}, {"displayTimeUnit", "ms"}}.dump(1);
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

}  // namespace sumi
