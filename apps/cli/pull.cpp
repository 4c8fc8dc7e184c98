#include "pull.h"

#include <cstdio>

#include <fmt/format.h>

#include "arguments.h"
#include "json.h"
#include "status_line.h"
#include "stop.h"
#include "sumi/hub.h"
#include "terminal.h"
#include "units.h"
#include "verbs.h"

namespace sumi::cli {
namespace {

/// Where a pull is, on standard error: one line that is drawn anew on a terminal, a line each quarter elsewhere.
class PullBar {
 public:
  PullBar(std::string name, bool silent) : name_(std::move(name)), silent_(silent), terminal_(is_terminal(stderr)) {}

  void tell(const PullProgress& progress) {
    if (silent_) return;
    if (terminal_) {
      line_.draw(with_bar("fetching " + name_, share_of(progress), details(progress)));
    } else {
      log(progress);
    }
  }

 private:
  static double share_of(const PullProgress& progress) {
    return progress.bytes > 0 ? static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes) : 1;
  }

  static std::string details(const PullProgress& p) {
    const std::string done =
        fmt::format("{}/{} files, {} of {}", p.files_done, p.files, bytes_text(p.bytes_done), bytes_text(p.bytes));
    if (p.waiting) return done + ", waiting for another program that fetches it";
    const std::uint64_t left = p.bytes - p.bytes_done;
    if (!(p.bytes_per_second > 0) || left == 0) return done;
    return fmt::format("{}, {}/s, {} left", done, bytes_text(static_cast<std::size_t>(p.bytes_per_second)),
                       seconds_text(static_cast<double>(left) / p.bytes_per_second));
  }

  void log(const PullProgress& progress) {
    const int quarter = static_cast<int>(share_of(progress) * 4);
    if (told_ < 0) told_ = quarter;  // what was there before is no news
    if (quarter <= told_) return;
    told_ = quarter;
    print(stderr, fmt::format("fetching {}: {}\n", name_, details(progress)));
  }

  std::string name_;
  bool silent_, terminal_;
  StatusLine line_;
  int told_ = -1;  ///< the last quarter
};

PullResult fetch(PullOptions options, bool silent, const std::atomic<bool>* stop) {
  PullBar bar(one_line(options.model), silent);
  options.progress = [&](const PullProgress& progress) { bar.tell(progress); };
  options.stop = stop;
  return sumi::pull(options);
}

std::string summary(const PullResult& result) {
  const std::string size = bytes_text(result.bytes);
  const std::string came =
      result.fetched_bytes > 0 ? bytes_text(result.fetched_bytes) + " fetched" : "nothing to fetch";
  return fmt::format("{} files, {}, {}\n", result.files, size, came);
}

}  // namespace

void fetch_if_needed(const std::vector<std::string>& models, bool silent, const std::atomic<bool>* stop) {
  for (const std::string& model : models) {
    if (needs_pull(model)) fetch({.model = model}, silent, stop);
  }
}

void pull(std::span<char*> arguments) {
  PullOptions options;
  bool json = false, quiet = false;
  CLI::App app(
      "Fetches a model from a hub that speaks the Hugging Face protocol: what it needs and no more. What was cut off "
      "is\n"
      "resumed, and every file is checked.",
      "sumi pull");
  app.add_option("MODEL", options.model, "ORG/NAME, or ORG/NAME@REV for a branch, a tag or a commit")->required();
  app.add_option("--include", options.include, "exactly the files that match, such as '*.json' or 'unet/*'; repeatable")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  app.add_option("--variant", options.variant, "of weights that are there several times, such as fp16")
      ->type_name("NAME");
  app.add_flag("--json", json, "one line of JSON");
  app.add_flag("-q,--quiet", quiet, "no progress");
  app.footer(R"(Examples:
  sumi pull stabilityai/sd-turbo
  sumi pull stabilityai/sdxl-turbo --variant fp16
  sumi pull stable-diffusion-v1-5/stable-diffusion-v1-5@main --include v1-5-pruned-emaonly.safetensors

It goes into the cache that the field's programs share (HF_HUB_CACHE, HF_HOME), and is found by its name from then
on. HF_TOKEN opens gated models, HF_ENDPOINT names another hub.
)");
  if (!parse(app, arguments)) return;
  const PullResult result = fetch(options, quiet, &stop_on_signals());
  if (json) return print(stdout, pull_json(options.model, result));
  print(stdout, one_line(result.path.string()) + "\n");
  if (quiet) return;
  print(stderr, summary(result));
  for (const std::string& note : result.notes) print(stderr, "note: " + one_line(note) + "\n");
}

}  // namespace sumi::cli
