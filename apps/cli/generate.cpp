#include <algorithm>
#include <cstdio>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "arguments.h"
#include "generate_options.h"
#include "grid.h"
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

std::string adapters_text(const Report& r) {
  std::string text = fmt::format("{} weights merged", r.weights_merged);
  if (r.weights_beside == 0) return text;
  return text + fmt::format(", {} with factors beside them: {:.1f} % of the work", r.weights_beside,
                            100 * r.factor_flops / r.flops);
}

/// Where weights are, of which some come from the host.
std::string offload_text(const Report& r) {
  return fmt::format("{} of weights on the device, {} from the host through {}",
                     bytes_text(r.weight_bytes - r.offloaded_bytes), bytes_text(r.offloaded_bytes),
                     bytes_text(r.offload_room_bytes));
}

std::string details(const Report& r) {
  const std::size_t weights = r.weight_bytes - r.offloaded_bytes + r.offload_room_bytes;
  const std::size_t predicted = r.planned_bytes + weights + r.fixed_bytes;
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
                            bytes_text(predicted), bytes_text(r.planned_bytes), bytes_text(weights),
                            bytes_text(r.fixed_bytes), bytes_text(r.peak_bytes)));
  if (r.offloaded_bytes > 0) add("offload", offload_text(r));
  add("work", fmt::format("{}FLOP in {} threads", count_text(r.flops) + (r.flops < 1000 ? " " : ""), r.threads));
  if (r.weights_beside + r.weights_merged > 0) add("adapters", adapters_text(r));
  return text;
}

/// Lines that are not blank.
std::vector<std::string> read_lines(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) refuse("{}: cannot be read", path.string());
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") != std::string::npos) lines.push_back(line);
  }
  if (lines.empty()) refuse("{}: has no prompt", path.string());
  return lines;
}

/// The pictures of one command, run by run.
class Generation {
 public:
  explicit Generation(const GenerateOptions& options)
      : o_(options),
        several_(options.count > 1 || options.request.batch > 1 || !options.prompts.empty()),
        name_(options.output, options.request.prompt, several_),
        bar_(options.quiet),
        text_(options.json ? stderr : stdout) {}

  void run() {
    check_writable();
    std::optional<Grid> grid;
    if (!o_.grid.empty()) grid.emplace(o_.grid, o_.request);
    const std::vector<Request> runs = requests();
    const std::atomic<bool>& stop = stop_on_signals();
    fetch_if_needed(models(), o_.quiet, &stop);
    Engine engine(o_.engine);
    if (grid) return make_grid(*grid, engine, stop);
    std::optional<std::uint64_t> seed = o_.request.seed;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (runs.size() > 1) bar_.label(fmt::format("run {} of {}: ", i + 1, runs.size()));
      Request request = runs[i];
      request.seed = seed;
      const Result result = engine.generate(request, hooks(stop, i == 0));
      bar_.clear();
      tell_notes(result.report);
      for (const Picture& picture : result.pictures) save(picture, result.report, result.pictures.size());
      finish(result);
      seed = result.pictures.back().seed + 1;
    }
  }

 private:
  Hooks hooks(const std::atomic<bool>& stop, bool first) {
    return {.progress = [this](const Progress& progress) { watch(progress); },
            .previews = !o_.preview.empty(),
            .stop = &stop,
            .trace = first ? o_.trace : std::filesystem::path()};
  }

  std::vector<std::string> models() const {
    std::vector<std::string> models{o_.engine.model, o_.engine.vae};
    if (o_.request.refiner) models.push_back(o_.request.refiner->model);
    for (const Control& control : o_.request.controls) models.push_back(control.model);
    return models;
  }

  /// The runs of the command, each of a batch. Adapters change the model for a whole run: a prompt that names any has
  /// one of its own.
  std::vector<Request> requests() const {
    if (o_.prompts.empty()) return std::vector(static_cast<std::size_t>(o_.count), o_.request);
    const std::vector<std::string> prompts = read_lines(o_.prompts);
    const auto alone = [](const std::string& prompt) { return prompt.find("<lora:") != std::string::npos; };
    std::vector<Request> runs;
    for (const std::string& prompt : prompts) {
      const bool joins =
          !runs.empty() && runs.back().batch < o_.request.batch && !alone(prompt) && !alone(runs.back().prompts.back());
      Request& run = joins ? runs.back() : runs.emplace_back(o_.request);
      run.prompts.push_back(prompt);
      run.batch = static_cast<int>(run.prompts.size());
    }
    return runs;
  }

  void make_grid(const Grid& grid, Engine& engine, const std::atomic<bool>& stop) {
    std::vector<Image> pictures;
    Request request = o_.request;
    Result result;
    for (std::size_t row = 0; row < grid.rows(); ++row) {
      for (std::size_t column = 0; column < grid.columns(); ++column) {
        grid.set(request, column, row);
        bar_.label(fmt::format("picture {} of {}: ", pictures.size() + 1, grid.rows() * grid.columns()));
        result = engine.generate(request, hooks(stop, pictures.empty()));
        bar_.clear();
        tell_notes(result.report);
        request.seed = result.pictures.front().seed;  // the same for all
        pictures.push_back(std::move(result.pictures.front().image));
      }
    }
    Picture whole{.image = labelled_grid(pictures, grid.column_labels(), grid.row_labels()),
                  .seed = *request.seed,
                  .prompt = request.prompt};
    whole.image.text = pictures.back().text;
    save(whole, result.report, 1);
  }

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
    const auto path = OutputName(o_.output, picture.prompt, several_).of(picture.seed, ++saved_);
    write_image(path, picture.image);
    if (o_.json) print(stdout, picture_json(path, picture, report, batch));
    const char* blurred = picture.unfit ? ", blurred by the safety checker" : "";
    if (!o_.quiet) print(text_, fmt::format("{}  (seed {}{})\n", one_line(path.string()), picture.seed, blurred));
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
