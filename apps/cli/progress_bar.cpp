#include "progress_bar.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "terminal.h"
#include "units.h"

namespace sumi::cli {
namespace {

using Phase = Progress::Phase;

const char* name_of(Phase phase) {
  switch (phase) {
    case Phase::load: return "loading";
    case Phase::text: return "reading the prompt";
    case Phase::denoise: return "denoising";
    case Phase::decode: return "decoding";
  }
  return "";
}

std::string time_left(const Progress& progress) {
  if (!(progress.steps_per_second > 0) || progress.step >= progress.steps) return "";
  return fmt::format(", {} left", seconds_text((progress.steps - progress.step) / progress.steps_per_second));
}

std::string details(const Progress& progress) {
  const std::string rate = rate_text(progress.steps_per_second);
  return fmt::format("{}/{}{}{}{}", progress.step, progress.steps, rate.empty() ? "" : ", ", rate, time_left(progress));
}

}  // namespace

ProgressBar::ProgressBar(bool silent) : silent_(silent), terminal_(is_terminal(stderr)) {}

void ProgressBar::label(std::string text) { label_ = std::move(text); }

void ProgressBar::tell(const Progress& progress) {
  if (silent_) return;
  if (terminal_) {
    draw(progress);
  } else {
    log(progress);
  }
}

void ProgressBar::draw(const Progress& progress) {
  std::string line = label_ + name_of(progress.phase);
  if (progress.phase == Phase::denoise) {
    line =
        with_bar(line, progress.steps > 0 ? static_cast<double>(progress.step) / progress.steps : 0, details(progress));
  } else if (progress.steps > 1) {
    line += fmt::format(" {}/{}", progress.step, progress.steps);
  }
  line_.draw(std::move(line));
}

void ProgressBar::log(const Progress& progress) {
  const bool last = progress.step == progress.steps;
  if (progress.phase == Phase::denoise) {
    const int quarter = std::max(1, (progress.steps + 3) / 4);
    if (progress.step == 0 || (progress.step % quarter != 0 && !last)) return;
    print(stderr, fmt::format("{}step {}\n", label_, details(progress)));
  } else if (last) {
    print(stderr, fmt::format("{}{}: {}\n", label_, name_of(progress.phase), seconds_text(progress.seconds)));
  }
}

}  // namespace sumi::cli
