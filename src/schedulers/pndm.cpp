#include <algorithm>
#include <cmath>
#include <utility>

#include "core/check.h"
#include "schedulers/noise_schedule.h"
#include "schedulers/scheduler.h"

namespace sumi {
namespace {

// Pseudo numerical methods for diffusion models (Liu et al., 2022). Equation 9 moves from timestep t to t' along an
// estimate e of the noise:
//   x' = sqrt(a'/a) x - (a' - a) e / (a sqrt(1 - a') + sqrt(a (1 - a) a')),
// where e is a combination of predictions: of the last ones (linear multistep, PLMS), or of four within a step
// (Runge-Kutta, PRK) while there are no last ones.
class Pndm {
 public:
  Pndm(const SchedulerConfig& config, Run run)
      : config_(config),
        process_(config),
        stride_(config.train_steps / run.steps),
        times_(spaced_timesteps(config, run.steps)),
        begin_(run.begin) {}

  Schedule make() {
    const bool prk = !config_.skip_prk_steps && begin_ == 0;  // it needs the whole run
    if (prk) runge_kutta();
    multistep(prk ? times_.begin() + 3 : times_.begin());
    schedule_.kept = prk ? predictions + 2 : predictions + 1;
    return std::move(schedule_);
  }

 private:
  static constexpr int predictions = 4;  // kept in turn
  static constexpr Slot start = kept(predictions), sum = kept(predictions + 1);

  int timestep(std::size_t i) const { return static_cast<int>(std::nearbyint(times_[i])); }
  double alpha(int t) const {
    if (t < 0) return config_.set_alpha_to_one ? 1 : process_.alpha(0);
    return process_.alpha(std::min(t, config_.train_steps - 1));
  }
  Slot prediction(int ago) const { return kept((count_ - 1 - ago + 4 * predictions) % predictions); }

  /// sample' from `from` at t to t' along the weighted predictions.
  Combination move(int t, int next, Slot from, const std::vector<Combination::Term>& estimate) const {
    const double a = alpha(t), b = alpha(next);
    const double along = -(b - a) / (a * std::sqrt(1 - b) + std::sqrt(a * (1 - a) * b));
    const bool velocity = config_.prediction == Prediction::velocity;
    Combination move{Slot::sample, {{std::sqrt(b / a) + (velocity ? along * std::sqrt(1 - a) : 0), from}}};
    for (const auto& term : estimate) {
      move.terms.push_back({along * term.coefficient * (velocity ? std::sqrt(a) : 1), term.slot});
    }
    return move;
  }

  Step& call(int t) { return schedule_.steps.emplace_back(call_at(config_, t, alpha(t))); }
  void keep(Step& step) {
    ++count_;
    step.updates.push_back({prediction(0), {{1, Slot::prediction}}});
  }

  /// Three steps of four calls: at t, twice in the middle, at the end.
  void runge_kutta() {
    check(times_.size() >= 4, ErrorCode::usage, "pndm: {} steps are too few for its Runge-Kutta start; take 4 or more",
          times_.size());
    for (std::size_t i = 0; i < 3; ++i) {
      const int t = timestep(i), next = timestep(i + 1), half = stride_ / 2;
      Step& first = call(t);
      keep(first);
      first.updates.push_back({start, {{1, Slot::sample}}});
      first.updates.push_back({sum, {{1.0 / 6, Slot::prediction}}});
      first.updates.push_back(move(t, t - half, start, {{1, Slot::prediction}}));
      for (const int to : {next + half, next}) {
        Step& middle = call(next + half);
        middle.inner = true;
        middle.updates.push_back({sum, {{1, sum}, {1.0 / 3, Slot::prediction}}});
        middle.updates.push_back(move(t, to, start, {{1, Slot::prediction}}));
      }
      Step& end = call(next);
      end.inner = true;
      end.updates.push_back(move(t, next, start, {{1, sum}, {1.0 / 6, Slot::prediction}}));
    }
  }

  /// From the timestep at `first` on. The start has one prediction only: the second timestep is called twice, first to
  /// predict again where the first one led, and go there with the mean of both. A run that begins later leaves out
  /// calls of that list; the reference then takes its second call for that repetition whatever its timestep.
  void multistep(std::vector<double>::const_iterator first) {
    std::vector<int> calls;
    for (auto t = first; t != times_.end(); ++t) calls.push_back(static_cast<int>(std::nearbyint(*t)));
    if (count_ == 0 && calls.size() > 1) calls.insert(calls.begin() + 1, calls[1]);
    calls.erase(calls.begin(), calls.begin() + begin_);
    for (const int t : calls) {
      Step& step = call(t);
      if (std::exchange(repeats_, false)) {
        step.updates.push_back(move(t + stride_, t, start, {{.5, Slot::prediction}, {.5, prediction(0)}}));
        continue;
      }
      keep(step);
      repeats_ = count_ == 1;
      if (repeats_) step.updates.push_back({start, {{1, Slot::sample}}});
      step.updates.push_back(move(t, t - stride_, Slot::sample, adams_bashforth()));
    }
  }

  std::vector<Combination::Term> adams_bashforth() const {
    const double a = 1.0 / 12, b = 1.0 / 24;
    switch (std::min(count_, 4)) {
      case 1: return {{1, prediction(0)}};
      case 2: return {{1.5, prediction(0)}, {-.5, prediction(1)}};
      case 3: return {{23 * a, prediction(0)}, {-16 * a, prediction(1)}, {5 * a, prediction(2)}};
      default:
        return {{55 * b, prediction(0)}, {-59 * b, prediction(1)}, {37 * b, prediction(2)}, {-9 * b, prediction(3)}};
    }
  }

  const SchedulerConfig& config_;
  NoiseSchedule process_;
  int stride_;
  std::vector<double> times_;
  int begin_;
  int count_ = 0;
  bool repeats_ = false;  // the next call repeats the first step
  Schedule schedule_;
};

}  // namespace

Schedule make_pndm(const SchedulerConfig& config, Run run) { return Pndm(config, run).make(); }

}  // namespace sumi
