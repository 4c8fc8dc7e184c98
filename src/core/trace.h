#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sumi {

/// What happened when: phases, steps, layers and ops of a run, for the Chrome trace format (Perfetto opens it) and for
/// `bench --ops`. One thread records.
class Trace {
 public:
  struct Event {
    std::string_view category;  ///< "phase", "step", "layer" or "op": string literals
    std::string name;
    double start = 0, seconds = 0;  ///< from the trace's beginning
    std::string shapes, implementation;
    double flops = 0;
  };

  /// Records from construction to destruction; does nothing where `trace` is null.
  class Span {
   public:
    Span(Trace* trace, std::string_view category, std::string_view name);
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;
    ~Span();
    void detail(std::string shapes, std::string_view implementation, double flops);

   private:
    Trace* trace_;
    std::size_t event_ = 0;
  };

  const std::vector<Event>& events() const { return events_; }
  /// Error(io) where the file cannot be written; it appears whole or not at all.
  void write(const std::filesystem::path& path) const;

 private:
  double now() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::vector<Event> events_;
};

}  // namespace sumi
