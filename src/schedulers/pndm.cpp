#include <cmath>

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
  Pndm(const SchedulerConfig& config, int steps)
      : config_(config), noise_(config), stride_(config.train_steps / steps), times_(spaced_timesteps(config, steps)) {}

  Schedule make() {
    if (!config_.skip_prk_steps) runge_kutta();
    multistep();
    schedule_.kept = predictions + 2;
    return std::move(schedule_);
  }

 private:
  static constexpr int predictions = 4;  // kept in turn
  static constexpr Slot start = kept(predictions), sum = kept(predictions + 1);

  double alpha(int t) const { return t >= 0 ? noise_.alpha(t) : config_.set_alpha_to_one ? 1 : noise_.alpha(0); }
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

  Step& call(int t) {
    const Split s = split(config_.prediction, alpha(t));
    return schedule_.steps.emplace_back(Step{
        .timestep = static_cast<double>(t), .estimate_sample = s.x0_sample, .estimate_prediction = s.x0_prediction});
  }
  void keep(Step& step) {
    ++count_;
    step.updates.push_back({prediction(0), {{1, Slot::prediction}}});
  }

  /// Three steps of four calls: at t, twice in the middle, at the end.
  void runge_kutta() {
    check(times_.size() >= 4, ErrorCode::usage, "pndm: {} steps are too few for its Runge-Kutta start; take 4 or more",
          times_.size());
    for (int i = 0; i < 3; ++i) {
      const int t = static_cast<int>(times_[static_cast<std::size_t>(i)]), next = t - stride_;
      const int half_stride = stride_ / 2, middle = next + half_stride;
      Step& first = call(t);
      keep(first);
      first.updates.push_back({start, {{1, Slot::sample}}});
      first.updates.push_back({sum, {{1.0 / 6, Slot::prediction}}});
      first.updates.push_back(move(t, t - half_stride, start, {{1, Slot::prediction}}));
      for (const int to : {middle, next}) {
        Step& half = call(middle);
        half.updates.push_back({sum, {{1, sum}, {1.0 / 3, Slot::prediction}}});
        half.updates.push_back(move(t, to, start, {{1, Slot::prediction}}));
      }
      call(next).updates.push_back(move(t, next, start, {{1, sum}, {1.0 / 6, Slot::prediction}}));
    }
  }

  void multistep() {
    const std::size_t begin = config_.skip_prk_steps ? 0 : 3;
    for (std::size_t i = begin; i < times_.size(); ++i) {
      const int t = static_cast<int>(times_[i]), next = t - stride_;
      Step& step = call(t);
      keep(step);
      if (count_ == 1 && times_.size() > 1) {
        // The start has one prediction only: predict again where it leads, and go with the mean of both.
        step.updates.push_back({start, {{1, Slot::sample}}});
        step.updates.push_back(move(t, next, start, {{1, Slot::prediction}}));
        const int again = static_cast<int>(times_[i + 1]);
        call(again).updates.push_back(
            move(again + stride_, again, start, {{.5, Slot::prediction}, {.5, prediction(0)}}));
      } else {
        step.updates.push_back(move(t, next, Slot::sample, adams_bashforth()));
      }
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
  NoiseSchedule noise_;
  int stride_;
  std::vector<double> times_;
  int count_ = 0;
  Schedule schedule_;
};

}  // namespace

Schedule make_pndm(const SchedulerConfig& config, int steps) { return Pndm(config, steps).make(); }

}  // namespace sumi
