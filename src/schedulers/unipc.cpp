#include <algorithm>
#include <cmath>

#include "schedulers/scheduler.h"
#include "schedulers/sigmas.h"

namespace sumi {
namespace {

// UniPC (Zhao et al., 2023), on x0, up to second order. With alpha = 1 / sqrt(sigma^2 + 1), s = sigma alpha,
// h = lambda' - lambda, m0 and m1 the x0 of the last two calls at lambda and lambda1, r = (lambda1 - lambda) / h,
//   predictor: x' = s'/s x + alpha' (1 - exp(-h)) m0 - alpha' B (m1 - m0) / (2 r),
//   corrector: the same from the same x once x0 at x' is known, m':
//              x' = s'/s x + alpha' (1 - exp(-h)) m0 - alpha' B (a (m1 - m0) / r + b (m' - m0)),
// where B = exp(-h) - 1 (bh2) or -h (bh1), and a, b solve a + b = f, a r + b = g (equations 10 and 11); of first order
// a = 0, b = 1/2 and the predictor has no term in m1.
class UniPc {
 public:
  UniPc(const SchedulerConfig& config, Run run) : config_(config), steps_(run.steps - run.begin) {
    const std::vector<double> table = sigma_table(config);
    grid_ = whole_grid(config, table, run, final_sigma(config, table));
  }

  Schedule make() {
    Schedule schedule{.kept = kMemory + 1};
    for (int i = 0; i < steps_; ++i) {
      Step step = call_at(config_, grid_.timesteps[static_cast<std::size_t>(i)], at(i));
      step.updates.push_back(keep_estimate(config_, step, x0(i)));
      step.updates.push_back(i > 0 ? correct(i) : Combination{start, {{1, Slot::sample}}});
      step.updates.push_back(predict(i));
      schedule.steps.push_back(std::move(step));
    }
    schedule.sigmas = std::move(grid_.sigmas);
    return schedule;
  }

 private:
  static constexpr int kMemory = 3;
  static constexpr Slot start = kept(kMemory);  ///< the corrected sample

  Point at(int i) const { return {grid_.sigmas[static_cast<std::size_t>(i)]}; }
  static Slot x0(int i) { return kept(i % kMemory); }
  int order(int i) const {
    const bool lower = config_.lower_order_final || config_.final_sigma_zero;
    return std::min({config_.order, i + 1, lower ? steps_ - i : config_.order});
  }
  double scale(double h) const { return config_.bh1 ? -h : std::expm1(-h); }

  /// x at i + 1 from the corrected one at i, by the x0 at i alone.
  Combination first_order(int i, Slot to) const {
    const Point now = at(i), next = at(i + 1);
    return {to, {{next.noise() / now.noise(), start}, {next.alpha() * (1 - next.sigma / now.sigma), x0(i)}}};
  }
  double step_of(int i) const { return at(i + 1).lambda() - at(i).lambda(); }
  static void add_difference(Combination& to, double weight, Slot a, Slot b) {
    to.terms.insert(to.terms.end(), {{weight, a}, {-weight, b}});
  }

  Combination predict(int i) const {
    Combination move = first_order(i, Slot::sample);
    if (order(i) == 2) {
      const double h = step_of(i), r = -step_of(i - 1) / h;
      add_difference(move, -at(i + 1).alpha() * scale(h) / (2 * r), x0(i - 1), x0(i));
    }
    return move;
  }

  /// The sample at i anew, as order(i - 1) steps to it from the one before.
  Combination correct(int i) const {
    Combination move = first_order(i - 1, start);
    const double h = step_of(i - 1), weight = -at(i).alpha() * scale(h);
    double b = .5;
    if (order(i - 1) == 2) {
      const double r = -step_of(i - 2) / h;
      const double phi2 = -std::expm1(-h) / h - 1, phi3 = -phi2 / h - .5;
      const double f = phi2 / scale(h), g = 2 * phi3 / scale(h), a = (f - g) / (1 - r);
      b = f - a;
      add_difference(move, weight * a / r, x0(i - 2), x0(i - 1));
    }
    add_difference(move, weight * b, x0(i), x0(i - 1));
    return move;
  }

  const SchedulerConfig& config_;
  int steps_;
  Grid grid_;
};

}  // namespace

Schedule make_unipc(const SchedulerConfig& config, Run run) { return UniPc(config, run).make(); }

}  // namespace sumi
