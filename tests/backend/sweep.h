#pragma once

#include <iostream>
#include <map>

#include <gtest/gtest.h>

#include "core/threads.h"
#include "problem.h"

namespace sumi::test {

/// What one implementation did in a sweep.
struct Tally {
  int ran = 0, failures = 0;
  double worst = 0;       ///< largest error over its tolerance
  double worst_mean = 0;  ///< largest root mean square of errors over their tolerances in a trial
  std::string declined;   ///< the last reason that is not about the machine
};

/// A reason that begins so is about this machine or what SUMI_ISA allows of it, not about the case.
inline bool about_machine(const std::string& reason) { return reason.starts_with("needs "); }

/// Inputs of a trial with the reference's answer.
template <class Op>
struct Sample {
  const Trial<Op>& trial;
  Memory memory;
  typename Op::Args args;  ///< in the case's types, without y
  Values weight, expected, tolerance;
};

template <class Op>
Sample<Op> make_sample(const Trial<Op>& trial, std::uint64_t seed) {
  using P = Problem<Op>;
  Sample<Op> sample{.trial = trial};
  Random random(seed);
  sample.args = P::inputs(trial, random, sample.memory);
  P::convert(trial.c, sample.args, sample.memory);
  if constexpr (requires { P::weight(trial.c); }) {
    const Shape shape = P::weight(trial.c);
    const double inputs = static_cast<double>(shape.elements()) / static_cast<double>(shape[0]);
    sample.weight = random.normals(shape.elements(), 0, 1 / std::sqrt(inputs));
  }
  const auto wide = widened(trial.c);
  auto exact = sample.args;
  P::convert(wide, exact, sample.memory);
  sample.expected = evaluate<Op>(wide, exact, sample.weight);
  sample.tolerance = P::tolerance(trial, exact, sample.weight, sample.expected);
  return sample;
}

/// Plans, packs and runs with exactly the memory that was asked for. Empty where bytes beyond it were written.
template <class Op>
Values run_guarded(const Implementation<Op>& tested, const Plan& plan, const Sample<Op>& sample) {
  using P = Problem<Op>;
  const auto& c = sample.trial.c;
  auto args = sample.args;
  const Guarded scratch(plan.scratch_bytes), packed(plan.packed_bytes);
  Memory memory;
  args.y = memory.tensor(P::output(c), output_type(c));
  if constexpr (std::is_same_v<Op, CombineOp>) {
    if (sample.trial.data == Data::in_place) {
      std::memcpy(args.y.raw(), args.x[c.terms - 1].raw(), args.y.bytes());
      args.x[c.terms - 1] = args.y;
    }
  }
  if constexpr (requires { P::weight(c); }) {
    tested.pack(c, plan, *values_source(P::weight(c), sample.weight), packed.data());
    args.packed = packed.data();
  }
  tested.run(c, plan, args, scratch.data());
  if (!scratch.intact() || !packed.intact() || !memory.intact() || !sample.memory.intact()) return {};
  Values y(sample.expected.size());
  to_float(args.y.dtype(), args.y.raw(), y);
  return y;
}

/// Of many errors over their tolerances. One element's tolerance covers rare chance; many together show a systematic
/// error that is smaller. Rounding alone, uniform up to its tolerance, has 1 / sqrt 3.
constexpr double most_mean = 0.6;

/// Every element within its tolerance, and all of them within `most_mean` of it in the root mean square.
template <class Op>
void compare(const Sample<Op>& sample, const Values& y, const std::string& where, Tally& tally) {
  const DType type = output_type(sample.trial.c);
  std::size_t worst_at = 0, bounded = 0;
  double worst = 0, squares = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    float expected = sample.expected[i];
    double ratio;
    if (sample.tolerance[i] > 0) {
      ratio = std::abs(static_cast<double>(y[i]) - expected) / sample.tolerance[i];
      squares += ratio * ratio;
      ++bounded;
    } else {
      if (type != DType::i32) {
        std::array<std::byte, sizeof(float)> stored;
        from_float({&expected, 1}, type, stored.data());
        to_float(type, stored.data(), {&expected, 1});
      }
      ratio = y[i] == expected ? 0 : 2;
    }
    if (!(ratio <= worst)) {
      worst = std::isnan(ratio) ? INFINITY : ratio;
      worst_at = i;
    }
  }
  const double mean = bounded >= 64 ? std::sqrt(squares / static_cast<double>(bounded)) : 0;
  tally.worst = std::max(tally.worst, worst);
  tally.worst_mean = std::max(tally.worst_mean, mean);
  if (worst <= 1 && mean <= most_mean) return;
  ++tally.failures;
  if (tally.failures > 5) return;
  ADD_FAILURE() << where << ": at " << worst_at << " of " << y.size() << " found " << y[worst_at] << ", expected "
                << sample.expected[worst_at] << " within " << sample.tolerance[worst_at]
                << "; errors have a root mean square of " << mean << " tolerances, at most " << most_mean;
}

template <class Op>
void report(const std::map<std::string, Tally>& tallies, std::size_t trials) {
  for (const auto& [name, tally] : tallies) {
    std::cout << fmt::format("  {}/{}: {} of {} cases, error at most {:.2f} tolerances, {:.2f} in the mean\n", Op::name,
                             name, tally.ran, trials, tally.worst, tally.worst_mean);
    EXPECT_EQ(tally.failures, 0) << Op::name << "/" << name;
    EXPECT_TRUE(tally.ran > 0 || tally.declined.empty())
        << Op::name << "/" << name << " ran in no case; it says: " << tally.declined;
  }
}

/// Runs every implementation of an op, not only the chosen one, on each trial that it takes, and compares with the
/// plain one on the same values in float32. Implementations that decline all of them fail, unless for want of the
/// machine. The number of threads goes round: 1, 2, 3. `run` as run_guarded.
template <class Op, class Run>
void sweep(Operations& tested, std::span<const Trial<Op>> trials, const Run& run) {
  const int threads_before = threads();
  std::map<std::string, Tally> tallies;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    set_threads(static_cast<int>(i % 3) + 1);
    const auto sample = make_sample<Op>(trials[i], i);
    for (const auto& implementation : tested.list<Op>()) {
      Tally& tally = tallies[std::string(implementation->name())];
      const std::string where =
          fmt::format("{}/{}: case {}, {}", Op::name, implementation->name(), i, trials[i].c.text());
      const Decision decision = implementation->plan(trials[i].c);
      if (const auto* declined = std::get_if<Declined>(&decision)) {
        EXPECT_FALSE(declined->reason.empty()) << where << ": declined without a reason";
        if (!about_machine(declined->reason)) tally.declined = declined->reason;
        continue;
      }
      ++tally.ran;
      const Values y = run(*implementation, std::get<Plan>(decision), sample);
      if (y.empty()) {
        ++tally.failures;
        ADD_FAILURE() << where << ": wrote beyond its memory";
      } else {
        compare<Op>(sample, y, where, tally);
      }
    }
  }
  set_threads(threads_before);
  EXPECT_FALSE(tallies.empty()) << Op::name << " has no implementations";
  report<Op>(tallies, trials.size());
}

template <class Op>
void sweep(Operations& tested, std::span<const Trial<Op>> trials) {
  sweep<Op>(tested, trials, run_guarded<Op>);
}

template <class Op>
void sweep(Operations& tested) {
  const auto trials = Cases<Op>::all();
  sweep<Op>(tested, trials);
}

template <class>
struct TestTypes;
template <class... Ops>
struct TestTypes<OpList<Ops...>> {
  using Types = ::testing::Types<Ops...>;
};
/// All ops as the types of a typed test; one without Cases or a Problem does not compile.
using AllOpTypes = TestTypes<AllOps>::Types;

struct OpNames {
  template <class Op>
  static std::string GetName(int) {
    return std::string(Op::name);
  }
};

}  // namespace sumi::test
