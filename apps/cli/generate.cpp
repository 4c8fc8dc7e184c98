#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "arguments.h"
#include "generate_options.h"
#include "json.h"
#include "output_name.h"
#include "progress_bar.h"
#include "pull.h"
#include "stop.h"
#include "terminal.h"
#include "units.h"
#include "verbs.h"

namespace sumi::cli {
namespace {

std::string summary(const Report& report, std::size_t pictures) {
  const double seconds = report.load_seconds + report.text_seconds + report.denoise_seconds + report.decode_seconds;
  return fmt::format("{}{} of {} on {} in {}, {} steps at {}\n", seconds_text(seconds),
                     pictures > 1 ? fmt::format(" for {} pictures", pictures) : "", report.model, report.device,
                     report.dtype, report.steps, rate_text(report.steps_per_second));
}

std::string details(const Report& r) {
  const std::size_t predicted = r.planned_bytes + r.weight_bytes + r.fixed_bytes;
  std::string text;
  const auto add = [&](const char* name, const std::string& value) {
    text += fmt::format("  {:<12}{}\n", name, value);
  };
  add("sampler",
      fmt::format("{}, schedule {}, spacing {}, prediction {}", r.sampler, r.schedule, r.spacing, r.prediction));
  add("guidance", fmt::format("{}, rescale {}, eta {}", r.guidance, r.guidance_rescale, r.eta));
  add("phases",
      fmt::format("load {}, prompt {}, denoise {}, decode {}", seconds_text(r.load_seconds),
                  seconds_text(r.text_seconds), seconds_text(r.denoise_seconds), seconds_text(r.decode_seconds)));
  add("memory", fmt::format("planned {} = activations {} + weights {} + fixed {}; measured peak {}",
                            bytes_text(predicted), bytes_text(r.planned_bytes), bytes_text(r.weight_bytes),
                            bytes_text(r.fixed_bytes), bytes_text(r.peak_bytes)));
  add("work", fmt::format("{}FLOP in {} threads", count_text(r.flops) + (r.flops < 1000 ? " " : ""), r.threads));
  return text;
}

/// The pictures of one command, run by run.
class Generation {
 public:
  explicit Generation(const GenerateOptions& options)
      : o_(options),
        several_(options.count > 1 || options.request.batch > 1),
        name_(options.output, options.request.prompt, several_),
        bar_(options.quiet),
        text_(options.json ? stderr : stdout) {}

  void run() {
    check_writable();
    const std::atomic<bool>& stop = stop_on_signals();
    fetch_if_needed(o_.engine.model, o_.quiet, stop);
    Engine engine(o_.engine);
    Request request = o_.request;
    for (int i = 0; i < o_.count; ++i) {
      if (o_.count > 1) bar_.label(fmt::format("run {} of {}: ", i + 1, o_.count));
      Hooks hooks{.progress = [&](const Progress& progress) { watch(progress); }, .stop = &stop};
      if (i == 0) hooks.trace = o_.trace;
      const Result result = engine.generate(request, hooks);
      bar_.clear();
      tell_notes(result.report);
      for (const Picture& picture : result.pictures) save(picture, result.report, result.pictures.size());
      finish(result);
      request.seed = result.pictures.back().seed + 1;
    }
  }

 private:
  void check_writable() const {
    name_.check_writable();
    if (!o_.preview.empty()) {
      OutputName(o_.preview.string(), "", false);  // refuses an unknown ending
      cli::check_writable(o_.preview);
    }
    if (!o_.trace.empty()) cli::check_writable(o_.trace);
  }

  void watch(const Progress& progress) {
    bar_.tell(progress);
    if (o_.preview.empty() || progress.phase != Progress::Phase::denoise || !progress.preview) return;
    const int interval = std::max(1, progress.steps / 5);
    const bool due = progress.step > 0 && progress.step % interval == 0 && progress.step < progress.steps;
    if (due) write_image(o_.preview, progress.preview());
  }

  void save(const Picture& picture, const Report& report, std::size_t batch) {
    const auto path = name_.of(picture.seed, ++saved_);
    write_image(path, picture.image);
    if (o_.json) print(stdout, picture_json(path, picture, report, batch));
    if (!o_.quiet) print(text_, fmt::format("{}  (seed {})\n", one_line(path.string()), picture.seed));
    if (o_.show) print(text_, half_blocks(picture.image, std::min(columns_of(text_), 120)));
  }

  void finish(const Result& result) {
    if (!o_.preview.empty()) write_image(o_.preview, result.pictures.front().image);
    if (!o_.quiet) print(text_, summary(result.report, result.pictures.size()));
    if (o_.verbose) print(text_, details(result.report));
  }

  void tell_notes(const Report& report) {
    if (o_.quiet) return;
    for (const std::string& note : report.notes) {
      if (std::find(told_.begin(), told_.end(), note) != told_.end()) continue;
      print(stderr, "note: " + one_line(note) + "\n");
      told_.push_back(note);
    }
  }

  const GenerateOptions& o_;
  bool several_;
  OutputName name_;
  ProgressBar bar_;
  std::FILE* text_;
  int saved_ = 0;
  std::vector<std::string> told_;
};

}  // namespace

void generate(std::span<char*> arguments) {
  GenerateOptions options;
  if (parse_generate(arguments, options)) Generation(options).run();
}

}  // namespace sumi::cli
