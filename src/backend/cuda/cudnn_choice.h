#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backend/cuda/cudnn_graph.h"
#include "backend/cuda/plan_file.h"

namespace sumi::cuda {

/// The fastest way to compute one thing: as a file knows it, or else of the engines that cuDNN proposes for a graph, or
/// for several that leave more or less of it to others.
class CudnnChoice {
 public:
  /// Queues the work by a plan for the graph of that number.
  using Queue = std::function<void(int graph, const CudnnPlan& plan)>;

  /// `key` tells what is computed. `cudnn` and `plans` outlive it.
  CudnnChoice(const Cudnn& cudnn, PlanFile& plans, const std::string& key);

  /// Whether `plans` knows it: there is nothing to add.
  bool is_known() const { return chosen_.has_value(); }
  /// One more graph, with a number from 0 to 255. Of ways that take the same time the first is chosen. Error(internal)
  /// where cuDNN has no words for it.
  void add(int number, CudnnGraph graph, const CudnnWish& wish);

  /// Whether there is a way.
  explicit operator bool() const { return is_known() || !ways_.empty(); }
  std::size_t scratch_bytes() const;

  /// Calls `queue` with the fastest plan. Where that is not known all are tried, if the stream is not being recorded:
  /// then `queue` is called again and again, which must do no harm. From any thread.
  void run(const Queue& queue) const;

 private:
  struct Way {
    int graph;
    CudnnEngine engine;
  };
  struct Chosen {
    int graph;
    CudnnPlan plan;
  };

  std::optional<Chosen> known() const;
  std::optional<Chosen> tried(const Queue& queue) const;
  std::optional<Chosen> any() const;
  void keep(const Chosen& chosen) const;

  const Cudnn& cudnn_;
  PlanFile& plans_;
  const std::string key_;
  std::vector<CudnnGraph> graphs_;
  std::vector<Way> ways_;
  mutable std::mutex mutex_;
  mutable std::optional<Chosen> chosen_;
};

}  // namespace sumi::cuda
