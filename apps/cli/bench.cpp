#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "arguments.h"
#include "json.h"
#include "output_name.h"
#include "pull.h"
#include "sumi/tools.h"
#include "terminal.h"
#include "units.h"
#include "verbs.h"

namespace sumi::cli {
namespace {

struct Settings {
  BenchOptions bench;
  std::string csv = "benchmark.csv", write;
  bool json = false, again = false;
};

/// "512" or "768x512", width first.
void parse_size(const std::string& text, BenchOptions& to) {
  const std::size_t x = text.find('x');
  to.width = parse_number<int>("--size", text.substr(0, x));
  to.height = x == std::string::npos ? to.width : parse_number<int>("--size", text.substr(x + 1));
}

void add_options(CLI::App& app, Settings& s) {
  BenchOptions& bench = s.bench;
  app.add_option("--what", bench.what, "image, unet, vae, text: one or more with commas (default image)")
      ->type_name("PARTS")
      ->delimiter(',')
      ->allow_extra_args(false);
  Options options(app);
  options.text("--size", "SIZE", "pixels, N or WIDTHxHEIGHT (default: the model's)",
               [&](const Options::Text& text) { parse_size(text, bench); });
  options.number("-b,--batch", bench.batch, "pictures made together (default 1)");
  options.number("--steps", bench.steps, "steps of an image (default 20)");
  options.number("--guidance", bench.guidance, "guidance scale; up to 1 the UNet runs on one half (default 7.5)");
  options.text("-n,--negative", "TEXT", "what to steer away from (default: the model's empty condition)",
               bench.negative);
  options.number("--warmup", bench.warmup, "calls before those that count (default 1)");
  options.number("--repeat", bench.repeat, "calls that count (default 3)");
  options.flag("--ops", bench.ops, "also one row per op, shape and implementation of unet, vae, text");
  options.text("--compare", "NAME",
               "with --ops: also run the implementations whose names begin so, in turn, and tell how many\n"
               "times as fast the chosen ones are",
               bench.compare);
  options.flag("--json", s.json, "one line of JSON per row");
  options.text("--csv", "FILE",
               "table that rows are added to (default benchmark.csv; \"\": none); what it has already\n"
               "is told from it, not measured again",
               s.csv);
  options.flag("--again", s.again, "measure what the table has already too, and replace its row");
  options.text("--write", "FOLDER", "write the model as a diffusers folder for other programs, and measure nothing",
               s.write);
  add_engine_options(app, bench.engine);
}

std::string header() {
  return fmt::format("{:<8}{:>10}{:>10}{:>10}{:>12}{:>10}{:>9}{:>7}{:>10}\n", "what", "minimum", "median", "p95",
                     "steps/s", "per min", "GFLOP/s", "peak", "memory");
}

std::string filled(double value, const char* end = "") { return value > 0 ? fmt::format("{:.2f}{}", value, end) : "-"; }

std::string row_text(const BenchRow& row) {
  if (row.out_of_memory) return fmt::format("{:<8}out of memory\n", row.what);
  const std::string times =
      fmt::format("{:>10}{:>10}{:>10}", seconds_text(row.minimum), seconds_text(row.median), seconds_text(row.p95));
  const std::string speed = fmt::format("{:>9.3g}{:>6.0f}%", row.gflops, 100 * row.share_of_peak);
  if (row.what == "op") {
    const std::string beside =
        row.rival.empty() ? "" : fmt::format(", {:.2f} times as fast as {}", row.times_as_fast, row.rival);
    return fmt::format("  {:<6}{}{}  {} x {}: {}{}\n", "", times, speed, row.calls, row.shapes, row.implementation,
                       beside);
  }
  return fmt::format("{:<8}{}{:>12}{:>10}{}{:>10}\n", row.what, times, filled(row.steps_per_second),
                     filled(row.pictures_per_minute), speed, bytes_text(row.peak_bytes)) +
         (row.offloaded_bytes > 0 ? fmt::format("  {} of weights come from the host\n", bytes_text(row.offloaded_bytes))
                                  : "");
}

/// Prints rows, the names of their columns before the first.
class Printer {
 public:
  explicit Printer(bool json) : json_(json) {}

  /// `table`: where the row is from, unless it was measured now.
  void operator()(const BenchRow& row, const std::string& table = "") {
    if (!json_ && std::exchange(first_, false)) print(stdout, header());
    print(stdout, json_ ? bench_json(row, table) : row_text(row));
  }

 private:
  bool json_, first_ = true;
};

void measure(Settings& s) {
  std::optional<BenchTable> table;
  if (!s.csv.empty()) {
    check_writable(s.csv);
    table.emplace(s.csv);
  }
  Printer tell(s.json);
  std::erase_if(s.bench.what, [&](const std::string& what) {
    const bool ops = s.bench.ops && what != "image";  // the table has none
    const auto known = table && !s.again && !ops ? table->find(s.bench, what) : std::nullopt;
    if (!known) return false;
    print(stderr, fmt::format("{}: already measured ({}); --again measures it anew\n", what, s.csv));
    tell(*known, s.csv);
    return true;
  });
  sumi::bench(s.bench, [&](const BenchRow& row) {
    tell(row);
    if (table && row.what != "op") table->add(s.bench, row);
  });
}

}  // namespace

void bench(std::span<char*> arguments) {
  Settings settings;
  CLI::App app(
      "Measures how fast a model and its parts run here: seconds, steps per second, GFLOP/s, the share of the\n"
      "peak measured on this machine, and memory.",
      "sumi bench");
  add_options(app, settings);
  app.footer(R"(Examples:
  sumi bench
  sumi bench --model synthetic:sd15 --what image,unet,vae,text --size 512 --steps 20 --repeat 3
  sumi bench --model synthetic:sd15 --what unet --size 512 --ops --json
  sumi bench --model synthetic:sd15 --what unet,vae --size 512 --ops --compare onednn
  sumi bench --model synthetic:sd15 --what unet --size 512 --disable flash-avx512
  sumi bench --device cuda --device-memory 2.1G --model synthetic:sd15 --what image --size 512
  sumi bench --vae madebyollin/taesd --what vae --size 512
  sumi bench --model synthetic:sd15 --write /tmp/sd15 --dtype f16
)");
  if (!parse(app, arguments)) return;
  const EngineOptions& engine = settings.bench.engine;
  fetch_if_needed({engine.model, engine.vae});
  if (!settings.write.empty()) {
    return write_model(engine.model, settings.write, engine.dtype == "auto" ? "f16" : engine.dtype);
  }
  measure(settings);
}

}  // namespace sumi::cli
