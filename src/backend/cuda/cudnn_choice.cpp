#include "backend/cuda/cudnn_choice.h"

#include <algorithm>

#include "backend/cuda/fastest.h"
#include "core/check.h"

namespace sumi::cuda {
namespace {

/// Grows when what a graph of some key computes changes: plans of files are for those before.
constexpr int revision = 1;

/// Nothing where cuDNN finds only now that an engine cannot, or would want more memory than it said.
std::optional<CudnnPlan> compiled(const Cudnn& cudnn, const CudnnEngine& engine) {
  try {
    CudnnPlan plan(cudnn, engine);
    if (plan.scratch_bytes() <= engine.scratch_bytes) return plan;
  } catch (const Error&) {
  }
  return std::nullopt;
}

}  // namespace

CudnnChoice::CudnnChoice(const Cudnn& cudnn, PlanFile& plans, const std::string& key)
    : cudnn_(cudnn), plans_(plans), key_(fmt::format("cudnn {} {}", revision, key)) {
  cudnn.device().use();  // a plan brings its code
  chosen_ = known();
}

void CudnnChoice::add(int number, CudnnGraph graph, const CudnnWish& wish) {
  for (CudnnEngine& engine : graph.engines(cudnn_, wish)) ways_.push_back({number, std::move(engine)});
  graphs_.push_back(std::move(graph));
}

std::size_t CudnnChoice::scratch_bytes() const {
  if (chosen_) return chosen_->plan.scratch_bytes();
  std::size_t most = 0;
  for (const Way& way : ways_) most = std::max(most, way.engine.scratch_bytes);
  return most;
}

void CudnnChoice::run(const Queue& queue) const {
  const std::lock_guard lock(mutex_);
  if (!chosen_) chosen_ = tried(queue);
  if (!chosen_) chosen_ = any();
  check(chosen_.has_value(), ErrorCode::internal, "cuDNN: {}: none of {} engines works", key_, ways_.size());
  queue(chosen_->graph, chosen_->plan);
}

/// A file may hold anything: cuDNN says whether it is a plan for this device.
std::optional<CudnnChoice::Chosen> CudnnChoice::known() const {
  const auto bytes = plans_.find(key_);
  if (!bytes || bytes->empty()) return std::nullopt;
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()) + 1, bytes->size() - 1);
  try {
    return Chosen{std::to_integer<int>(bytes->front()), CudnnPlan(cudnn_, text)};
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<CudnnChoice::Chosen> CudnnChoice::tried(const Queue& queue) const {
  std::vector<std::optional<CudnnPlan>> plans(ways_.size());
  const auto queue_one = [&](std::size_t i) {
    if (!plans[i]) plans[i] = compiled(cudnn_, ways_[i].engine);
    if (!plans[i]) return false;
    try {
      queue(ways_[i].graph, *plans[i]);
      return true;
    } catch (const Error&) {
      return false;
    }
  };
  const auto best = fastest(cudnn_.device(), ways_.size(), queue_one);
  if (!best) return std::nullopt;
  Chosen chosen{ways_[*best].graph, std::move(*plans[*best])};
  keep(chosen);
  return chosen;
}

std::optional<CudnnChoice::Chosen> CudnnChoice::any() const {
  for (const Way& way : ways_) {
    if (auto plan = compiled(cudnn_, way.engine)) return Chosen{way.graph, std::move(*plan)};
  }
  return std::nullopt;
}

void CudnnChoice::keep(const Chosen& chosen) const {
  std::vector<std::byte> bytes{static_cast<std::byte>(chosen.graph)};
  const std::string text = chosen.plan.text();
  const auto more = std::as_bytes(std::span(text));
  bytes.insert(bytes.end(), more.begin(), more.end());
  plans_.keep(key_, bytes);
}

}  // namespace sumi::cuda
